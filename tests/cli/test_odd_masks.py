"""A line for every mask that looks wrong; the picture is made all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regharm_core.cli import main


def said(tmp_path: Path, weights: Path, values: np.ndarray, mask: np.ndarray, *more: str) -> tuple[str, bool]:
    Image.fromarray(values).save(tmp_path / "in.png")
    Image.fromarray(mask).save(tmp_path / "odd.png")
    paths = [str(tmp_path / name) for name in ("in.png", "odd.png")]
    made = tmp_path / "out.png"
    assert main(["harmonize", *paths, "-o", str(made), "--weights", str(weights), "--device", "cpu", *more]) == 0
    return str(tmp_path), bool((np.asarray(Image.open(made)) != values).any())


def drawn(level: int, height: int = 40, width: int = 60) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    mask[10:30, 20:45] = level
    return mask


def frame() -> np.ndarray:
    return 255 - drawn(255)


def nearly_all() -> np.ndarray:
    mask = np.full((40, 60), 255, np.uint8)
    mask[:3] = 0
    return mask


CASES = {
    "black": (drawn(0), "is black everywhere", False),
    "white": (np.full((40, 60), 255, np.uint8), "is white everywhere", False),
    "inverted": (frame(), "looks inverted", True),
    "nearly all": (nearly_all(), "covers more than nine tenths", True),
    "stretched": (drawn(255, 40, 62), "of 62 x 40 px was stretched to a picture of 60 x 40 px", True),
    "proper": (drawn(255), "", True),
    "cut to whole pixels": (drawn(255, 41, 61), "", True),
}


@pytest.mark.parametrize("name", CASES)
def test_one_line(
    tmp_path: Path, weights: Path, values: np.ndarray, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    mask, words, changed = CASES[name]
    assert said(tmp_path, weights, values, mask)[1] == changed
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == bool(words)
    if words:
        assert lines[0].startswith("note: the mask ") and "odd.png" in lines[0] and words in lines[0]


def test_without_background_that_may_be_consulted(
    tmp_path: Path, weights: Path, values: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(drawn(255)).save(tmp_path / "reference.png")
    assert not said(tmp_path, weights, values, drawn(255), "--reference", str(tmp_path / "reference.png"))[1]
    assert "leaves no background that may be consulted" in capsys.readouterr().err


def test_a_mask_that_is_faint_in_its_picture(
    tmp_path: Path, weights: Path, values: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bright where it was drawn, in a size in which it was a line."""
    thin = np.zeros((400, 600), np.uint8)
    thin[203:206, 300:340] = 255
    said(tmp_path, weights, values, thin)
    assert "is nowhere brighter than 0.2" in capsys.readouterr().err
