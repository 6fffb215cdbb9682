"""Batches kept on disk are the drawn ones, and leave the generator where drawing leaves it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from regharm_core.training.data.composite_config import CompositeConfig
from regharm_core.training.data.composites import CompositeMaker
from regharm_core.training.data.kept import Kept
from regharm_core.training.data.photographs import load_photographs
from regharm_core.training.data.source import Batch


class Counting:
    def __init__(self, path: Path) -> None:
        self.maker, self.drawn = CompositeMaker(load_photographs([path]), CompositeConfig()), 0

    def __len__(self) -> int:
        return len(self.maker)

    def batch(self, count: int, size: int, generator: torch.Generator) -> Batch:
        self.drawn += 1
        return self.maker.batch(count, size, generator)


@pytest.fixture
def source(photographs: Path) -> Counting:
    return Counting(photographs)


def drawn(source: Counting | Kept, seed: int = 3, batches: int = 3, size: int = 64) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    found = [source.batch(4, size, generator) for _ in range(batches)]
    return [part for batch in found for part in batch.parts.values()] + [generator.get_state()]


def equal(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(first, second, strict=True))


def test_a_second_run_sees_the_same_without_drawing(source: Counting, tmp_path: Path) -> None:
    truth = drawn(source)
    kept = Kept(source, tmp_path, "six photographs")
    assert len(kept) == len(source)
    assert equal(drawn(kept), truth) and source.drawn == 6
    assert equal(drawn(kept), truth) and source.drawn == 6
    assert len(list(tmp_path.glob("*/*"))) == 3


def test_anything_else_that_is_asked_is_drawn(source: Counting, tmp_path: Path) -> None:
    kept = Kept(source, tmp_path, "six photographs")
    drawn(kept)
    for other, seed, size in ((kept, 4, 64), (kept, 3, 96), (Kept(source, tmp_path, "others"), 3, 64)):
        before = source.drawn
        drawn(other, seed, size=size)
        assert source.drawn == before + 3


def test_a_broken_file_is_drawn_again(source: Counting, tmp_path: Path) -> None:
    kept = Kept(source, tmp_path, "six photographs")
    truth = drawn(kept)
    broken = next(tmp_path.glob("*/*.safetensors"))
    broken.write_bytes(broken.read_bytes()[:100])
    assert equal(drawn(kept), truth) and source.drawn == 4
    assert equal(drawn(kept), truth) and source.drawn == 4
