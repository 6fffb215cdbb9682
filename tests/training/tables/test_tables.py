"""The paper's rows: what they are, a tiny one trained and skipped, claims and the report from made-up results."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.helpers.looking import bootstrap
from benchmarks.paper.even import change, variants, widths
from benchmarks.paper.report import most_results, parts
from regharm_core import InputError
from regharm_core.cli import main
from regharm_core.network.build import parameter_count
from regharm_core.network.unet import HarmonizerNet
from regharm_core.training.tables.claims import CLAIMS, Claim, Scores, judge
from regharm_core.training.tables.conditions import REVISION, Conditions
from regharm_core.training.tables.measure import MEASUREMENT
from regharm_core.training.tables.results import is_done, read_result, result_path, write_result
from regharm_core.training.tables.rows import LINES, NETWORKS, PROBES, networks_of

TINY = ["--width", "2", "--size", "64", "--batch", "2", "--steps", "3"]
PRINT = """2,37.27,30.84,330.88
2,37.41,29.27,318.22
2,37.66,27.00,307.38
2,37.48,29.03,315.57
2,37.37,28.48,317.39
2,37.70,27.40,299.70
2,37.97,25.16,282.69
2,38.57,21.43,248.12
3,37.44,28.91,319.31,97
3,37.57,28.38,312.06,120
3,37.57,27.67,311.69,379
3,37.66,27.00,307.38,410
4,37.46,28.61,315.05,175
4,37.57,28.65,311.76,214
4,37.61,27.30,305.71,348
4,37.52,27.76,313.98,169
4,37.62,27.33,302.55,230
4,37.70,27.40,299.70,463
5,37.97,25.16,282.69,9.48
5,38.35,23.24,261.34,37.81
5,38.45,22.83,256.69,72.39
5,38.57,21.43,248.12,117.42"""  # the tables as printed


def test_the_print() -> None:
    found = []
    for line in LINES:
        extra = [x for x in (line.memory, line.parameters) if x is not None]
        found.append([line.table, line.printed.psnr, line.printed.mse, line.printed.fmse, *extra])
    assert found == [[float(x) for x in row] for row in csv.reader(io.StringIO(PRINT))]
    assert {line.network for line in LINES} == set(NETWORKS)


def test_rows_are_the_networks_that_they_name() -> None:
    varied = {n: (c.residual, c.ltl, c.self_attention, c.translation) for n, c in NETWORKS.items()}
    assert varied["base"] == (False, (), (), "none") and varied["rbase"] == (True, (), (), "none")
    assert varied["self-attention"] == (True, (), (32,), "none") and varied["adain"] == (True, (), (), "rain")
    assert varied["ltl-ptl"] == varied["ltl-ptl-4c"] == (True, (32,), (), "ptl")
    assert [NETWORKS[n].ltl for n in networks_of(3)] == [(16,), (32,), (64,), (16, 32, 64)]
    blocks = [(NETWORKS[n].ptl_patch, NETWORKS[n].ptl_stride) for n in networks_of(4)]
    assert blocks == [(4, 4), (4, 8), (4, 16), (8, 8), (8, 16), (8, 32)]
    assert [NETWORKS[n].width for n in networks_of(5)] == [32, 64, 96, 128]
    assert len({*NETWORKS.values(), *PROBES.values()}) == len(NETWORKS) + len(PROBES)


def test_parameters_of_table_5() -> None:
    for line in LINES:
        if line.parameters is not None:
            assert parameter_count(NETWORKS[line.network]) / 1e6 == pytest.approx(line.parameters, rel=0.01)


def test_the_layers_that_rows_share_start_alike() -> None:
    states = []
    for name in ("rbase", "self-attention", "ltl-ptl"):
        torch.manual_seed(0)
        states.append(HarmonizerNet(Conditions(width=2, size=64).model(name)).state_dict())
    for name, value in states[0].items():
        assert all(torch.equal(state[name], value) for state in states[1:])


def page(results: list[dict[str, Any]], **found: dict[str, Any]) -> str:
    return "\n".join(parts(results, found).values())


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("val")
    random = np.random.default_rng(0)
    for kind in ("real", "composite", "mask"):
        (folder / "plain" / kind).mkdir(parents=True)
        shape = (80, 90) if kind == "mask" else (80, 90, 3)
        values = random.integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(values).save(folder / "plain" / kind / "a.png")
    return folder


def test_a_row_is_trained_measured_kept_and_skipped(photographs: Path, pairs: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "results"
    command = ["tables", "--data", str(photographs), "--validate", str(pairs), "--out", str(out)]
    command += ["--work", str(tmp_path / "work"), "--device", "cpu", "--threads", str(torch.get_num_threads()), *TINY]
    assert main([*command, "--row", "self-attention", "ltl-ptl", "--seeds", "0"]) == 0
    written = capsys.readouterr().out.split()
    assert [Path(p).name for p in written] == ["self-attention-seed0.json", "ltl-ptl-seed0.json"]
    result = read_result(Path(written[0]))
    assert result["network"] == "self-attention" and result["images"] == 6 and result["revision"] == REVISION
    assert result["kinds"]["plain"]["pairs"] == 1 and len(result["kinds"]["plain"]["psnr"]) == 1
    assert set(result["learned"]) == {"self_attention.32.gain"}
    assert read_result(Path(written[1]))["stream"] == result["stream"]
    assert result["kinds"]["plain"]["composite"] != result["kinds_at_256"]["plain"]["composite"]
    assert main([*command, "--row", "ltl-ptl", "--seeds", "0"]) == 0
    assert capsys.readouterr().out == ""
    for seconds in (0, 7):  # of the training, which is not repeated
        result |= {"cpu_seconds_of_the_last_stretch": seconds}
        write_result(Path(written[0]), result | {"measurement": MEASUREMENT - 1, "kinds": {}, "learned": {"gone": 1.0}})
        assert main([*command, "--row", "self-attention", "--seeds", "0"]) == 0
        assert read_result(Path(written[0])) == result  # measured again, from the same weights
    again = [*command, "--row", "self-attention", "--seeds", "0", "--composites", str(tmp_path / "composites")]
    for part in ("out", "work"):
        again[again.index(f"--{part}") + 1] = str(tmp_path / "again" / part)
    assert main(again) == 0
    repeated = read_result(Path(capsys.readouterr().out.split()[-1]))
    assert {name for name in result if result[name] != repeated[name]} <= {"cpu_seconds_of_the_last_stretch"}
    assert len(list((tmp_path / "composites").glob("*/*"))) == 3  # a batch a step; "stream" is the first of them
    text = page(most_results(out))
    assert "6 composites from 6 photographs" in text and "| +0.29 | not yet trained |" in text


def test_a_table_is_all_of_its_rows_unless_the_wide_ones_are_declined(monkeypatch, tmp_path: Path) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr("regharm_core.training.tables.run.run_rows", lambda networks, *_: asked.append(networks) or [])
    command = ["tables", "--data", "a.tar", "--validate", "pairs", "--out", str(tmp_path), "--table"]
    for table in ("2", "3", "4", "5"):
        assert main([*command, table]) == 0
    assert asked == [networks_of(table) for table in (2, 3, 4, 5)]
    assert main([*command, "2", "5", "--widest", "1"]) == 0
    assert set(networks_of(2)) - set(asked[-1]) == {"ltl-ptl-4c"}
    assert set(networks_of(5)) & set(asked[-1]) == {"ltl-ptl"}


def test_unknown_rows_and_missing_places_are_one_line(tmp_path: Path, capsys) -> None:
    assert main(["tables", "--row", "nothing"]) == 2
    assert "unknown row 'nothing'" in capsys.readouterr().err
    assert main(["tables", "--data", "a.tar"]) == 2
    assert "needs a --table or a --row" in capsys.readouterr().err
    assert main(["tables", "--row", "base"]) == 2
    assert "--data" in capsys.readouterr().err
    assert main(["tables", "--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(LINES) + len(PROBES)
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match="no result"):
        read_result(tmp_path / "x.json")


def made_up(network: str, seed: int, psnr: float, conditions: Conditions | None = None) -> dict[str, Any]:
    conditions = conditions or Conditions()
    means = {"psnr": psnr, "mse": 50.0, "fmse": 500.0}
    kind = {"pairs": 2, "composite": means | {"psnr": 30.0}, "harmonized": means, "psnr": [psnr] * 2, "fmse": [1.0] * 2}
    values = {"revision": REVISION, "measurement": MEASUREMENT, "network": network, "seed": seed}
    values |= {"conditions": conditions.to_dict()}
    values |= {"model": conditions.model(network).to_dict(), "images": 16, "photographs": 9, "stream": [seed, 0, 0]}
    return values | {"learned": {}, "kinds": {"plain": kind, "paste": kind}}


def test_a_result_counts_only_for_its_own_terms(tmp_path: Path) -> None:
    conditions = Conditions()
    path = result_path(tmp_path, conditions, "rbase", 0)
    assert not is_done(path, conditions, "rbase")
    write_result(path, made_up("rbase", 0, 31))
    assert is_done(path, conditions, "rbase")
    assert not is_done(path, Conditions(steps=2401), "rbase")
    older = {name: value for name, value in conditions.model("rbase").to_dict().items() if name != "temperature"}
    write_result(path, made_up("rbase", 0, 31) | {"model": older})  # from before there was such a field
    assert is_done(path, conditions, "rbase")
    for other in ({"revision": REVISION + 1}, {"model": conditions.model("base").to_dict()}):
        write_result(path, made_up("rbase", 0, 31) | other)
        assert not is_done(path, conditions, "rbase")


def test_verdicts() -> None:
    claim = Claim("", "ptl-8-32", ("rbase",))
    rows = [made_up("rbase", 0, 30.0)]
    assert judge(claim, Scores(rows)).verdict == "not yet trained"
    rows.append(made_up("ptl-8-32", 0, 31.0))
    assert judge(claim, Scores(rows)).verdict == "one seed"
    noise = {0: 0.0, 1: 0.02, 2: -0.01}
    rows = [made_up("rbase", s, 30 + s) for s in noise] + [made_up("ptl-8-32", s, 31 + s + n) for s, n in noise.items()]
    found = judge(claim, Scores(rows))
    assert found.verdict == "holds" and found.difference.mean == pytest.approx(1.0, abs=0.01)
    assert judge(Claim("", "rbase", ("ptl-8-32",)), Scores(rows)).verdict == "fails"
    rows = [made_up("rbase", s, 30) for s in noise] + [made_up("ptl-8-32", s, 30 + 9 * n) for s, n in noise.items()]
    assert judge(claim, Scores(rows)).verdict == "within noise"


def test_the_margin_is_the_interval_of_a_paired_t_test() -> None:
    differences = [0.11, 0.05, 0.17]
    rows = [made_up("rbase", s, 30 + s) for s in range(3)]
    rows += [made_up("ptl-8-32", s, 30 + s + d) for s, d in enumerate(differences)]
    found = Scores(rows).difference("ptl-8-32", "rbase")
    wanted = 4.30 * np.std(differences, ddof=1) / np.sqrt(3)  # two rows: the same as the t-test of the differences
    assert found.margin == pytest.approx(wanted, rel=1e-6) and found.seeds == 3


def test_a_row_with_fewer_seeds_takes_nothing_from_the_noise() -> None:
    rows = [made_up(n, s, 30 + 0.1 * s * k) for s in range(3) for k, n in enumerate(("rbase", "adain", "ptl-8-32"))]
    whole = Scores(rows)
    more = Scores([*rows, made_up("ltl-ptl-4c", 0, 31.0), made_up("ltl-ptl-4c", 2, 35.0)])
    assert (more.noise, more.freedom) == (whole.noise, whole.freedom) and whole.freedom == 4
    # Two seeds of three rows tell more than three of one row.
    few = Scores([row for row in rows if row["seed"] < 2 or row["network"] == "rbase"])
    assert few.freedom == 2


def test_rows_that_saw_other_composites_are_not_compared() -> None:
    rows = [made_up("rbase", 0, 30.0), made_up("ptl-8-32", 0, 31.0) | {"stream": [9, 9, 9]}]
    assert judge(Claim("", "ptl-8-32", ("rbase",)), Scores(rows)).verdict == "not yet trained"


def test_with_several_rivals_the_weakest_verdict_counts() -> None:
    rows = [made_up(n, s, 30 + g + 0.001 * s * g) for s in (0, 1) for n, g in (("ltl-32", 1), ("ltl-ptl", 2))]
    claim = next(c for c in CLAIMS if c.better == "ltl-ptl")
    found = judge(claim, Scores(rows))
    assert (found.verdict, found.rival) == ("not yet trained", "ptl-8-32")


def test_equal_attention_is_the_mean_of_what_may_be_consulted(pairs: Path) -> None:
    torch.manual_seed(0)
    net = HarmonizerNet(Conditions(width=2, size=64).model("ltl-ptl")).eval()
    for parameter in net.parameters():  # an untrained head and gain would show nothing
        torch.nn.init.normal_(parameter, std=0.2)
    made = dict(variants(net))
    assert list(made) == ["as trained", "ltl.32", "ptl", "ltl.32 + ptl"]
    image, mask = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    mask[..., 16:40, 20:50] = 1
    for name, other in made.items():
        attention = other(image, mask, return_attention=True).attention
        for layer, looked in attention.items():
            weights, allowed = looked.weights()[0], looked.allowed[0]
            even = bool(torch.allclose(weights[:, allowed], weights.new_tensor(1 / int(allowed.sum())), rtol=1e-3))
            assert even == (layer.replace("ltl", "ltl.") in name) and not weights[:, ~allowed].any()
    found = widths(made["ltl.32 + ptl"], pairs)  # a mask of noise leaves LTL no background to look at
    assert found == {"ptl": pytest.approx(1.0, abs=1e-3)}
    first = change([30.0, 31.0, 32.0], [30.5, 31.5, 32.5])
    assert first == {"psnr": 0.5, "interval": [0.5, 0.5], "worse_in": 0.0}


def test_the_bootstrap_is_the_interval_of_resampled_means() -> None:
    samples = torch.randn(200, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64) + 5
    random = np.random.default_rng(0)
    for ask in (lambda mean: mean[0], lambda mean: mean[0] / mean[1]):
        drawn = [ask(samples.numpy()[random.integers(0, 200, 200)].mean(0)) for _ in range(4000)]
        wanted = np.percentile(drawn, [2.5, 97.5])
        found = bootstrap(samples, lambda means, ask=ask: ask(means.T))
        assert found == pytest.approx(wanted, abs=0.03 * (wanted[1] - wanted[0]) + 0.001)
    assert bootstrap(samples[:, 0]) == bootstrap(samples, lambda means: means[:, 0])


def test_the_report_says_what_is_there_and_what_is_not() -> None:
    rows = [made_up(n, s, 30 + i) for s in (0, 1) for i, n in enumerate(("rbase", "ptl-8-32"))]
    text = page(rows)
    assert "| RBase + PTL | 37.70, 27.40, 299.70 | +0.29 | 31.00 (0.00), 50.00 (0.00), 500.0 (0.0) |" in text
    assert "| PTL helps | holds | +1.000 ± 0.000 | rbase | 2 | +1.00 ± 0.00 | +1.00 ± 0.00 |" in text
    assert "| PTL beats AdaIN | not yet trained |  | adain | 0 |  |  |" in text
    better = {"harmonized": {"psnr": 32.0, "mse": 1.0, "fmse": 1.0}}
    for row in rows[1::2]:
        row["kinds"] = row["kinds"] | {"paste": row["kinds"]["paste"] | better}
    assert "+1.500 ± 0.000 | rbase | 2 | +2.00 ± 0.00 | +1.00 ± 0.00 |" in page(rows)
    assert text.count("not yet measured") == 2
    row = {"photographs": 9, "share": 0.3, "by_area": 0.2, "ratio": 1.5, "larger_in": 0.75, "width": 0.1}
    looks = {
        "weights": "w",
        "size": 64,
        "rows": {"near": row | {"interval": [0.9, 2.0]}, "far": row | {"interval": [1.2, 1.8]}},
    }
    text = page(rows, regions=looks)
    assert "| near | 9 | 0.300 | 0.200 | 1.50 (0.90 to 2.00) | 75 % | 10 % | not told apart from area |" in text
    assert "(1.20 to 1.80) | 75 % | 10 % | drawn to it |" in text
    probe = next(iter(PROBES))
    text = page([*rows, made_up(probe, 0, 32.5)])
    assert f"| {probe} | 32.50, 50.00, 500.0 | ptl-8-32 | +1.00 ± 0.00 | 1 |" in text
    facts = {"weights": "w", "size": 64, "pairs": 9, "mean": 31.0, "interval": [-0.3, -0.1], "worse_in": 0.6}
    even = {
        "a": facts | {"even": "as trained", "psnr": 0.0, "width": None, "first": None},
        "b": facts | {"even": "ptl", "psnr": -0.2, "width": 0.08, "first": 0.97},
    }
    text = page(rows, even=even)
    assert "| w | 9 of 64 px | no layer: as trained | 31.00 |  |  |  |  |" in text
    assert "| w | 9 of 64 px | ptl | 31.00 | -0.20 (-0.30 to -0.10) | 60 % | 8 % | 97 % |" in text
    assert "No row has been trained yet." in page([])
