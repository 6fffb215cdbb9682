"""The benchmark of real pastes: what is pasted where, and what is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks.pastes import ACROSS, measure, pastes, sheet, soft
from regharm_core import HarmonizerConfig, HarmonizerNet
from regharm_core.training.data.photographs import Photographs


@pytest.fixture
def photographs() -> Photographs:
    """Eight flat pictures of a grey each: in six a brighter object, one of them cut off by the border, one tiny."""
    images, labels = torch.zeros(8, 3, 96, 96, dtype=torch.uint8), torch.zeros(8, 1, 96, 96, dtype=torch.uint8)
    for n in range(8):
        images[n] = 20 + 10 * n
    for n in range(4):
        labels[n, :, 20:60, 30:70] = 1
    labels[4, :, 0:40, 30:70] = 1
    labels[5, :, 20:24, 30:34] = 1
    labels[6, :, 20:60, 30:70] = 2  # only a second region
    return Photographs(torch.where(labels == 1, images + 100, images), labels)


def test_whole_objects_stand_in_other_pictures(photographs: Photographs) -> None:
    made = list(pastes(photographs, 60))
    assert len(made) == 4
    for picture, mask in made:
        assert picture.shape == (3, 96, 96) and mask.shape == (1, 96, 96) and 0 <= float(mask.min())
        around = picture[:, mask[0] == 0]
        assert around.unique().numel() <= 2  # the scene's grey and its own object
        inside = picture[:, mask[0] > 0.999]
        assert inside.shape[1] > 100 and bool((inside * 255 > 119).all())
        assert 10 < float((mask > 0.5).any(1).sum()) < 40  # half of its size to nine tenths of it
    again = list(pastes(photographs, 60))
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(made, again, strict=True))
    assert len(list(pastes(photographs, 2))) == 2


def test_the_edge_is_soft_and_inside() -> None:
    mask = torch.zeros(1, 9, 9)
    mask[:, 2:7, 2:7] = 1
    made = soft(mask)
    assert not made[mask == 0].any() and float(made[0, 4, 4]) == 1
    assert 0 < float(made[0, 2, 4]) < float(made[0, 3, 4]) < 1


def test_what_is_not_changed_is_not_seen(photographs: Photographs, tmp_path: Path) -> None:
    """A network whose last layer is nought returns its input."""
    net = HarmonizerNet(HarmonizerConfig(width=2, gated=False, refine=(0, 0, 0, 0), view=64)).eval()
    made = list(pastes(photographs, 60))
    with torch.no_grad():
        for parameter in net.head.parameters():
            parameter.zero_()
    row, answers = measure(net, made)
    assert (row["median"], row["seen"], row["tenth"], row["second"]) == ("0.0", "0 %", "0.0", "0 %")
    sheet(made, answers, tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").size == (2 * 96 * ACROSS, 96)
