"""The sheet, the curve and the measurement on fixed pairs, while a run goes on."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from regharm_core import HarmonizerConfig, HarmonizerNet, InputError
from regharm_core.training.measuring.sheet import TILE, draw_sheet
from regharm_core.training.measuring.validation import list_kinds, validate
from regharm_core.training.run.curve import draw_curve


def test_the_sheet(tmp_path: Path) -> None:
    colours = [torch.full((3, 40, 80), value) for value in (0.0, 0.5, 2.0)]  # the last is clipped
    draw_sheet([tuple(colours)] * 3, tmp_path / "sheet.png")
    page = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert page.shape == (2 * (TILE + 4) - 4, 2 * (3 * TILE + 8) - 8, 3)
    for k, value in enumerate((0, 128, 255)):
        for top, left in ((0, 0), (0, 3 * TILE + 8), (TILE + 4, 0)):
            assert (page[top + 10, left + k * TILE + 10] == value).all()
    assert (page[TILE + 10 :, 3 * TILE + 8 :] == 255).all()  # three rows of four places


def test_a_sheet_of_nothing(tmp_path: Path) -> None:
    draw_sheet([], tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").size[1] == TILE


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two kinds; of the second, three pairs."""
    root = tmp_path / "val"
    random = np.random.default_rng(0)
    for kind, names in (("easy", "a"), ("hard", "abc")):
        for room in ("real", "composite", "mask"):
            (root / kind / room).mkdir(parents=True)
            for name in names:
                values = random.integers(0, 255, (40, 40, 3) if room != "mask" else (40, 40)).astype(np.uint8)
                if room == "mask":
                    values = np.where(np.arange(40) < 20, values * 0 + 255, 0).astype(np.uint8)
                Image.fromarray(values).save(root / kind / room / f"{name}.png")
    return root


def test_an_untrained_network_leaves_all_of_the_error(pairs: Path, tmp_path: Path) -> None:
    net = HarmonizerNet(HarmonizerConfig(width=1, refine=(0, 0, 0, 0), gated=False, view=64)).eval()
    assert validate(net, pairs, 2, tmp_path / "sheet.png") == {"easy": 100.0, "hard": 100.0}
    assert Image.open(tmp_path / "sheet.png").size == (2 * (3 * TILE + 8) - 8, 2 * (TILE + 4) - 4)


def test_nothing_to_measure_on(pairs: Path, tmp_path: Path) -> None:
    assert [k.name for k in list_kinds(pairs)] == ["easy", "hard"]
    (pairs / "hard" / "mask" / "b.png").unlink()
    (tmp_path / "empty").mkdir()
    for folder, said in ((tmp_path / "gone", "gone"), (tmp_path / "empty", "empty"), (pairs, "mask for b.png")):
        with pytest.raises(InputError, match=said):
            list_kinds(folder)


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="the curve needs matplotlib")
def test_the_curve(tmp_path: Path) -> None:
    with (tmp_path / "log.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["images", "loss", "val_easy"], [8, 0.2, ""], [16, 0.1, ""], [16, "", 80.0]])
    assert draw_curve(tmp_path / "log.csv", tmp_path / "curve.png")
    width, height = Image.open(tmp_path / "curve.png").size
    assert width > 400
    (tmp_path / "log.csv").write_text("images,loss\n8,0.2\n16,0.1\n")
    assert draw_curve(tmp_path / "log.csv", tmp_path / "curve.png")
    assert Image.open(tmp_path / "curve.png").size == (width, height // 2)  # no panel for what was not measured
