"""Means and maxima over windows, made either way, against loops."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from regharm_core.training.data.boxes import box_mean, dilate, erode, pooled_maximum, pooled_mean

SHAPES = [(1, 5, 7, 1), (3, 6, 5, 2), (2, 4, 4, 3)]  # channels, height, width and radius


def picture(channels: int, height: int, width: int) -> Tensor:
    return torch.rand(2, channels, height, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def window(values: Tensor, y: int, x: int, radius: int, mode: str) -> Tensor:
    """The values around a place, B C N; what lies beyond the border is 0 or, with "replicate", the border's."""
    height, width = values.shape[-2:]
    found = []
    for v in range(y - radius, y + radius + 1):
        for u in range(x - radius, x + radius + 1):
            inside = 0 <= v < height and 0 <= u < width
            near = values[..., min(max(v, 0), height - 1), min(max(u, 0), width - 1)]
            found.append(near if inside or mode == "replicate" else torch.zeros_like(near))
    return torch.stack(found, dim=-1)


@pytest.mark.parametrize("mean", [box_mean, pooled_mean])
@pytest.mark.parametrize("mode", ["constant", "replicate"])
@pytest.mark.parametrize(("channels", "height", "width", "radius"), SHAPES)
def test_means(mean: Callable[..., Tensor], mode: str, channels: int, height: int, width: int, radius: int) -> None:
    values = picture(channels, height, width)
    found = mean(values, radius, mode)
    for y in range(height):
        for x in range(width):
            torch.testing.assert_close(found[..., y, x], window(values, y, x, radius, mode).mean(-1))


@pytest.mark.parametrize("maximum", [dilate, pooled_maximum])
@pytest.mark.parametrize(("channels", "height", "width", "radius"), SHAPES)
def test_maxima(maximum: Callable[..., Tensor], channels: int, height: int, width: int, radius: int) -> None:
    values = picture(channels, height, width)
    found = maximum(values, radius)
    for y in range(height):
        for x in range(width):
            assert torch.equal(found[..., y, x], window(values, y, x, radius, "constant").amax(-1))


def test_what_is_eroded_is_what_is_not_reached_from_outside() -> None:
    region = (picture(1, 9, 9) > 0.3).double()
    found = erode(region, 1)
    for y in range(9):
        for x in range(9):
            assert torch.equal(found[..., y, x], window(region, y, x, 1, "replicate").amin(-1))
