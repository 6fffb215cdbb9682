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
from scripts import salience
from scripts.add_regions import main
from scripts.salience import MOST, guided, load_salience, number_pieces, open_eye


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
    found = np.zeros((96, 144), bool)
    found[8:32, 12:48] = True
    found[48:88, 60:132] = True
    found[32, 48] = True  # touches the first at a corner
    found[8:12, 120:126] = True  # 24 of 13,824: too small
    numbers = number_pieces(found)
    assert numbers.dtype == np.uint8 and np.unique(numbers).tolist() == [0, 1, 2]
    assert numbers[68, 96] == 1 and numbers[20, 30] == 2 and numbers[32, 48] == 2 and numbers[10, 122] == 0
    assert not number_pieces(np.ones((96, 96), bool)).any() and not number_pieces(np.zeros((96, 96), bool)).any()
    many = np.zeros((120, 120), bool)
    for n in range(MOST + 2):
        many[5 + 40 * (n // 3) : 30 + 40 * (n // 3), 5 + 40 * (n % 3) : 30 + 40 * (n % 3)] = True
    assert number_pieces(many).max() == MOST


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
    learned = tmp_path / "learned.safetensors"
    words = [out, tmp_path / "in", "--learn", tmp_path / "known", "--without", tmp_path / "held", "--save", learned]
    monkeypatch.setattr(sys, "argv", ["add_regions.py", *map(str, words), "--side", "96"])
    monkeypatch.setattr(salience, "SEEN", 96)
    main()
    read = load_photographs([out])
    assert len(read) == 2 and int(read.labels.max()) <= MOST
    net, eye = load_salience(learned), open_eye()
    seen = salience.look(eye, read.images[:1].float() / 255)
    with torch.no_grad():
        assert torch.equal(load_salience(learned)(seen), net(seen)) and net(seen).isfinite().all()
    assert net.deviation.min() > 0 and not torch.equal(net.mean, torch.zeros_like(net.mean))
