"""What of a mask is black and white to the network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from regharm_core.picture.levels import Levels, top_level


def disc(height: int, width: int, radius: float) -> Tensor:
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    return (radius - ((rows - height / 2) ** 2 + (columns - width / 2) ** 2).sqrt() + 0.5).clamp(0, 1)[None]


def slow_top(mask: Tensor) -> float:
    """The value that a tenth of the weight lies above, value by value."""
    values = sorted((float(v) for v in mask.flatten()), reverse=True)
    total, above = sum(v**4 for v in values), 0.0
    for value in values:
        above += value**4
        if above >= 0.1 * total:
            return value
    raise AssertionError


@pytest.mark.parametrize("factor", [1.0, 0.95, 0.9, 0.3, 1 / 255])
def test_a_fainter_mask_is_the_same_mask(factor: float) -> None:
    mask = disc(60, 80, 20)
    assert top_level(factor * mask) == pytest.approx(factor, rel=1 / 256)
    made = Levels.of(factor * mask).stretch(factor * mask)
    torch.testing.assert_close(made, ((mask - 0.1) / 0.8).clamp(0, 1), rtol=0, atol=0.02)


def test_zeros_and_ones_stay_as_they_are() -> None:
    mask = (disc(60, 80, 20) > 0.5).float()
    assert torch.equal(Levels.of(mask).stretch(mask), mask)
    assert torch.equal(Levels.of(0 * mask).stretch(0 * mask), 0 * mask)


def test_noise_is_black_and_a_grainy_inside_is_white() -> None:
    random = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 200, 300, generator=random).abs() * 0.03
    mask = torch.where(disc(200, 300, 25) > 0.5, 0.95 - noise, noise).clamp(0, 1)
    made = Levels.of(mask).stretch(mask)
    inside = disc(200, 300, 25) > 0.5
    assert float(made[inside].mean()) > 0.999 and float(made[~inside].mean()) < 1e-3


@pytest.mark.parametrize("seed", range(4))
def test_the_top_level_against_a_slow_count(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    mask = torch.rand(1, 30, 40, generator=random).pow(seed + 0.5)
    assert top_level(mask) == pytest.approx(slow_top(mask), abs=1 / 256)


def test_a_small_object_among_noise_in_a_large_picture_is_not_stepped_over() -> None:
    mask = torch.rand(1, 1100, 1500, generator=torch.Generator().manual_seed(0)) * 0.05
    mask[:, 700:703, 901:904] = 0.9
    assert top_level(mask) == pytest.approx(0.9, abs=0.01)
