"""``info`` and ``evaluate``: what they print, and evaluate's figures against loops."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regharm_core.cli import main
from regharm_core.pipeline import default_weights


def test_info_of_a_file(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(weights)]) == 0
    said = capsys.readouterr().out
    assert '"width": 2' in said and "CC0" in said and "images      12" in said and "parameters" in said


@pytest.mark.parametrize(("width", "millions"), [(1, 9.48), (2, 37.81), (3, 72.39), (4, 117.42)])
def test_info_of_a_width(width: int, millions: float, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--width", str(width)]) == 0
    count = int(capsys.readouterr().out.split(": ")[1].split()[0])
    assert count == pytest.approx(millions * 1e6, rel=0.01)


@pytest.mark.parametrize("arguments", [["info"], ["info", "--width", "5"], ["info", "gone.safetensors"]])
def test_info_refuses(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two pairs of 70 x 50 px with a foreground that is 20 too bright."""
    random = np.random.default_rng(1)
    for kind in ("real", "composite", "mask"):
        (tmp_path / "pairs" / kind).mkdir(parents=True)
    for name in ("a", "b"):
        real = random.integers(30, 200, (50, 70, 3)).astype(np.uint8)
        mask = np.zeros((50, 70), np.uint8)
        mask[5:30, 10:60] = 255
        composite = np.where(mask[..., None] > 0, real + 20, real).astype(np.uint8)
        for kind, values in (("real", real), ("composite", composite), ("mask", mask)):
            Image.fromarray(values).save(tmp_path / "pairs" / kind / f"{name}.png")
    return tmp_path / "pairs"


def test_evaluate(pairs: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = tmp_path / "out.json"
    use = ["evaluate", str(pairs), "--weights", str(weights), "--device", "cpu"]
    assert main([*use, "--size", "full", "--json", str(made)]) == 0
    said, report = capsys.readouterr().out, json.loads(made.read_text())
    assert report["images"] == 2 and report["size"] == "full" and len(report["per_image"]) == 2
    assert set(report["harmonized"]) == {"psnr", "mse", "fmse"} and "harmonized" in said
    totals = {"psnr": 0.0, "mse": 0.0, "fmse": 0.0}
    for name in ("a", "b"):
        real, composite, mask = (
            np.asarray(Image.open(pairs / k / f"{name}.png")) for k in ("real", "composite", "mask")
        )
        error = inside = count = 0.0
        for y in range(50):
            for x in range(70):
                here = sum((float(real[y, x, c]) - float(composite[y, x, c])) ** 2 for c in range(3)) / 3
                error += here
                if mask[y, x] > 127:
                    inside, count = inside + here, count + 1
        mse = error / (50 * 70)
        for key, value in (("psnr", 10 * math.log10(255**2 / mse)), ("mse", mse), ("fmse", inside / count)):
            totals[key] += value / 2
    assert report["composite"] == pytest.approx(totals)
    assert main([*use, "--json", str(made)]) == 0
    assert json.loads(made.read_text())["size"] == 256


def test_evaluate_refuses(pairs: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pairs / "mask" / "b.png").unlink()
    for folder, quoted in ((tmp_path, "real/"), (pairs, "mask for b.png"), (tmp_path / "gone", "gone")):
        assert main(["evaluate", str(folder), "--weights", str(weights)]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and quoted in said


def test_evaluate_says_which_masks_hold_nothing(pairs: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (70, 50)).save(pairs / "mask" / "b.png")
    assert main(["evaluate", str(pairs), "--weights", str(weights), "--device", "cpu"]) == 0
    assert capsys.readouterr().err == "note: 1 masks hold no foreground, such as that of b\n"


def test_evaluate_reads_masks_of_ones_as_harmonize_does(
    pairs: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    for scale in (1, 255):
        for path in (pairs / "mask").iterdir():
            Image.fromarray((np.asarray(Image.open(path)) // 255 * scale).astype(np.uint8)).save(path)
        assert main(["evaluate", str(pairs), "--weights", str(weights), "--device", "cpu"]) == 0
        said.append(capsys.readouterr().out)
        for path in (pairs / "mask").iterdir():
            Image.fromarray(((np.asarray(Image.open(path)) > 0) * 255).astype(np.uint8)).save(path)
    assert said[0] == said[1] and "fMSE left: 0.0 %" not in said[0]


def test_figures_do_not_take_the_place_of_what_is_read(
    pairs: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = next((pairs / "real").iterdir())
    for place in (picture, weights):
        before = place.read_bytes()
        assert main(["evaluate", str(pairs), "--weights", str(weights), "--json", str(place)]) == 2
        assert "would overwrite what is read" in capsys.readouterr().err and place.read_bytes() == before
    words = ["evaluate", str(pairs), "--json", str(default_weights())]
    assert main(words) == 2 and "would overwrite what is read" in capsys.readouterr().err
    for _ in range(2):  # its own file again
        assert main(["evaluate", str(pairs), "--weights", str(weights), "--json", str(pairs / "figures.json")]) == 0
