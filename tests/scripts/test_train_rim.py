"""The rim reader's training: what is kept of composites, what makes its loss small, and the file that comes out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from regharm_core import HarmonizerConfig, build_network, save_checkpoint
from regharm_core.network.profiles import SAMPLES
from regharm_core.network.rim import Reading
from regharm_core.store.checkpoint import load_network
from regharm_core.training.data.photographs import load_photographs
from scripts import train_rim
from scripts.train_rim import COLOURS, PROFILES, WIDTH, keep, learn, loss_of, main, make_all
from tests.network.mapnets import SMALL
from tests.training.conftest import photographs as photographs  # noqa: PLC0414 (the fixture)


def test_what_is_kept_lies_inside_and_across_the_edge() -> None:
    """A grey square on black that should be white; the third composite has no edge."""
    made = torch.zeros(3, 7, 64, 64)
    made[:2, 6:, 20:40, 20:40] = 1
    made[:, :3] = made[:, 6:] * 0.5
    made[:, 3:6] = made[:, 6:]
    kept = keep(made, torch.Generator().manual_seed(0))
    assert kept.profiles.shape == (2, PROFILES, SAMPLES, 4) and kept.given.shape == (2, COLOURS, 3)
    assert abs(float(kept.given.float().mean()) - 128) < 3 and bool((kept.wanted == 255).all())
    last, first = kept.profiles[:, :, 3:5, :3].float().mean((0, 1, 3))
    assert abs(float(last) - 128) < 8 and float(first) < 8  # JPEG rings a little


def test_a_true_map_has_less_loss_than_none() -> None:
    given = torch.rand(4, 50, 3, generator=torch.Generator().manual_seed(0)) * 0.5
    wanted = given * 1.2 + 0.1
    maps = torch.zeros(4, 12, 1, 1)
    nothing = Reading(maps, torch.zeros(4), torch.zeros(4))
    maps = maps.clone()
    maps[:, [0, 4, 8]], maps[:, 9:] = 0.2, 0.1
    right = Reading(maps, torch.zeros(4), torch.zeros(4))
    assert float(loss_of([right], given, wanted)) < 0.6 * float(loss_of([nothing], given, wanted))
    assert float(loss_of([nothing, right], given, wanted)) < float(loss_of([nothing, nothing], given, wanted))


def test_the_file_is_the_network_with_a_reader(photographs: Path, tmp_path: Path) -> None:
    given, out = tmp_path / "w.safetensors", tmp_path / "out.safetensors"
    net = build_network(HarmonizerConfig(**SMALL)).half()
    save_checkpoint(net, given, facts={"images": 7})
    words = [str(out), "--weights", str(given), "--data", str(photographs), "--side", "96"]
    assert main([*words, "--making", "0", "--seconds", "0"]) == 0
    made, info = load_network(out)
    assert info.config.rim == WIDTH and info.facts["images"] == 7 and info.facts["rim"]["photographs"] == 6
    for name, tensor in net.state_dict().items():
        assert torch.equal(made.state_dict()[name], tensor.to(made.state_dict()[name].dtype)), name
    assert any(name.startswith("rim.") for name in made.state_dict())
    assert sum(mix["share"] for mix in info.facts["rim"]["made"]) == pytest.approx(1)
    again = tmp_path / "again.safetensors"
    words[:3] = [str(again), "--weights", str(out)]
    assert main([*words, "--making", "0", "--seconds", "0", "--go-on"]) == 0
    made, more = (load_network(path)[1].facts["rim"]["composites"] for path in (out, again))
    assert more == 2 * made  # of both runs
    before, after = (load_network(path)[0].state_dict()["rim.first.0.weight"].float() for path in (out, again))
    assert 0 < float((after - before).abs().max()) < 0.1 * float(before.abs().max())


@pytest.mark.parametrize("shares", [(0.0, 1.0), (1.0, 0.0)])
def test_composites_are_made_by_the_mixes_that_have_a_share(
    shares: tuple[float, float], photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second mix moves no colours, so that its composites are their own truth."""
    still = replace(train_rim.COMPOSITES, identity=1.0, graded=0.0)
    monkeypatch.setattr(train_rim, "MIXES", tuple(zip(shares, (train_rim.COMPOSITES, still), strict=True)))
    monkeypatch.setattr(train_rim, "COMPRESSED", 0.0)
    kept = make_all(load_photographs([photographs], side=96), 0, torch.Generator().manual_seed(0))
    same = ((kept.given.float() - kept.wanted.float()).abs().amax((1, 2)) <= 1).float().mean()
    assert same == 1 if shares[1] else same < 0.5


def test_other_weights_are_refused(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, out = tmp_path / "w.safetensors", tmp_path / "out.safetensors"
    save_checkpoint(
        build_network(HarmonizerConfig(width=2, gated=False, refine=(0, 0, 0, 0), view=64)), given, facts={}
    )
    words = [str(out), "--weights", str(given), "--data", str(photographs), "--making", "0", "--seconds", "0"]
    assert main([*words, "--go-on"]) == 1 and "no rim reader" in capsys.readouterr().err
    assert main(words) == 1 and "rim" in capsys.readouterr().err and not out.exists()


def test_a_seed_gives_the_same_reader_again() -> None:
    kept = keep(torch.rand(8, 7, 64, 64, generator=torch.Generator().manual_seed(0)), torch.Generator().manual_seed(0))
    first, again, other = (learn(kept, 0, seed, lambda _: None).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_it_learns_in_bfloat16_too() -> None:
    kept = keep(torch.rand(8, 7, 64, 64, generator=torch.Generator().manual_seed(0)), torch.Generator().manual_seed(0))
    whole, mixed = (learn(kept, 0, 0, lambda _: None, bf16=bf16).state_dict() for bf16 in (False, True))
    assert all(tensor.dtype == torch.float32 for tensor in mixed.values())
    assert any(not torch.equal(whole[name], mixed[name]) for name in whole)
    for name, tensor in whole.items():
        torch.testing.assert_close(mixed[name], tensor, rtol=0, atol=0.02)
