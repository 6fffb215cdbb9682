"""Regions for photographs without masks: the guided filter against loops, pieces, and from folders to a tar."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from regharm_core.training.data.photographs import load_photographs
from scripts import add_regions
from scripts.add_regions import MOST, guided, main, regions


def slow_mean(values: Tensor, radius: int) -> Tensor:
    """Window by window; beyond the border lie the border's values."""
    height, width = values.shape
    answer = torch.empty_like(values)
    for y in range(height):
        for x in range(width):
            rows = [min(max(y + n, 0), height - 1) for n in range(-radius, radius + 1)]
            columns = [min(max(x + n, 0), width - 1) for n in range(-radius, radius + 1)]
            answer[y, x] = sum(values[r, c] for r in rows for c in columns) / (2 * radius + 1) ** 2
    return answer


def test_the_guided_filter_against_windows() -> None:
    random = torch.Generator().manual_seed(0)
    values, guide = torch.rand(2, 7, 6, generator=random, dtype=torch.float64)
    radius, smooth = 2, 0.01
    centre, level = slow_mean(guide, radius), slow_mean(values, radius)
    shared = slow_mean(guide * values, radius) - centre * level
    slope = shared / (slow_mean(guide * guide, radius) - centre.square() + smooth)
    wanted = slow_mean(slope, radius) * guide + slow_mean(level - slope * centre, radius)
    answer = guided(values[None, None], guide[None, None], radius, smooth)[0, 0]
    torch.testing.assert_close(answer, wanted)


def test_pieces_are_numbered_by_size_and_specks_are_none() -> None:
    likely = torch.zeros(1, 1, 24, 24)
    likely[..., 2:8, 2:8] = 1
    likely[..., 12:22, 10:22] = 1
    likely[..., 2, 20] = 1  # a place of 576: too small
    found = regions(likely, torch.full((1, 3, 96, 144), 0.5))
    assert found.shape == (96, 144) and found.unique().tolist() == [0, 1, 2]
    assert int(found[68, 96]) == 1 and int(found[20, 30]) == 2 and int(found[10, 122]) == 0
    assert regions(torch.ones(1, 1, 24, 24), torch.rand(1, 3, 96, 96)).unique().tolist() == [
        0
    ]  # all of it is no object
    many = torch.zeros(1, 1, 24, 24)
    for n in range(MOST + 2):
        many[..., 1 + 8 * (n // 3) : 6 + 8 * (n // 3), 1 + 8 * (n % 3) : 6 + 8 * (n % 3)] = 1
    assert int(regions(many, torch.full((1, 3, 120, 120), 0.5)).max()) == MOST


def test_from_folders_to_a_tar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "known").mkdir()
    for n in range(4):
        square = np.zeros((60, 80), np.uint8)
        square[10:40, 10 * n : 10 * n + 30] = 1
        Image.fromarray(square).save(tmp_path / "known" / f"{n}.png")
        noise = random.integers(0, 90, (60, 80, 3), np.uint8)
        Image.fromarray(noise + 150 * square[..., None]).save(tmp_path / "known" / f"{n}.webp")

    def write(name: str, size: tuple[int, int], grey: bool = False) -> None:
        cells = random.integers(0, 255, (6, 8, 1 if grey else 3), np.uint8)
        pixels = np.broadcast_to(cells, (6, 8, 3)).copy()
        Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(tmp_path / "in" / name)

    write("kept.png", (300, 200))
    write("deep/kept too.JPG", (240, 260))
    write("small.png", (180, 300))
    write("long.png", (800, 200))
    write("grey.png", (300, 200), grey=True)
    write("held.png", (300, 200))
    (tmp_path / "in" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "held").mkdir()
    Image.open(tmp_path / "in" / "held.png").resize((90, 60)).save(tmp_path / "held" / "again.png")
    out = tmp_path / "more.tar"
    folders = [str(out), str(tmp_path / "in"), "--learn", str(tmp_path / "known")]
    monkeypatch.setattr(sys, "argv", ["add_regions.py", *folders, "--without", str(tmp_path / "held"), "--side", "96"])
    monkeypatch.setattr(add_regions, "SEEN", 96)
    main()
    read = load_photographs([out])
    assert len(read) == 2 and int(read.labels.max()) <= MOST
