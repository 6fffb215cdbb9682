"""Masks made larger, smaller, softer; a result shown through a second mask."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from regharm_core import InputError
from regharm_core.picture.masks import feather, grow, show_through


def square(side: int = 64, low: int = 20, high: int = 44) -> torch.Tensor:
    mask = torch.zeros(1, 1, side, side)
    mask[..., low:high, low:high] = 1
    return mask


@pytest.mark.parametrize("pixels", [1, 2, 7])
def test_grow_reaches_as_far_as_asked(pixels: int) -> None:
    row = grow(square(), pixels)[0, 0, 32]
    assert row.nonzero().flatten().tolist() == list(range(20 - pixels, 44 + pixels))


@pytest.mark.parametrize("pixels", [1, 2, 7])
def test_contracting_undoes_growing_a_square_inside(pixels: int) -> None:
    row = grow(square(), -pixels)[0, 0, 32]
    assert row.nonzero().flatten().tolist() == list(range(20 + pixels, 44 - pixels))


def test_grow_is_round() -> None:
    point = torch.zeros(1, 1, 81, 81)
    point[..., 40, 40] = 1
    grown = grow(point, 30)[0, 0]
    y, x = grown.nonzero().T - 40
    distance = (x.float().square() + y.float().square()).sqrt()
    assert float(distance.amax()) < 30 * 1.13
    assert float(grown.sum()) == pytest.approx(3.14159 * 30**2, rel=0.12)


def test_contracting_keeps_what_touches_the_border() -> None:
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., :10] = 1
    assert grow(mask, -3)[0, 0, 16].nonzero().flatten().tolist() == list(range(7))
    assert bool((grow(torch.ones(1, 1, 32, 32), -5) == 1).all())


@pytest.mark.parametrize("pixels", [1, 2, 3, 5, 8, 13, 40])
def test_leaps_are_the_single_steps(pixels: int) -> None:
    """The octagon as pixel after pixel: so many squares, the others diamonds, never beyond the border."""
    torch.manual_seed(pixels)
    mask = torch.rand(2, 1, 40, 57) ** 8
    wanted = mask
    for step in range(pixels):
        wide, high = F.max_pool2d(wanted, (1, 3), 1, (0, 1)), F.max_pool2d(wanted, (3, 1), 1, (1, 0))
        square_step = (step + 1) * 41 // 100 > step * 41 // 100
        wanted = F.max_pool2d(wide, (3, 1), 1, (1, 0)) if square_step else torch.maximum(wide, high)
    assert torch.equal(grow(mask, pixels), wanted)


@pytest.mark.parametrize("pixels", [1, 2, 7, 12, 40])
def test_feather_is_two_means_across_and_down(pixels: int) -> None:
    torch.manual_seed(pixels)
    mask = (torch.rand(2, 1, 40, 57) > 0.9).float()
    wanted = mask
    for radius in (r for r in (pixels // 2, pixels - pixels // 2) if r):
        for ends, window in (
            ((radius, radius, 0, 0), (1, 2 * radius + 1)),
            ((0, 0, radius, radius), (2 * radius + 1, 1)),
        ):
            wanted = F.avg_pool2d(F.pad(wanted, ends, mode="replicate"), window, 1)
    assert torch.allclose(feather(mask, pixels), wanted, atol=1e-6)
    assert torch.equal(feather(mask, pixels) == 0, wanted == 0)


def test_both_can_be_cancelled_in_every_pass() -> None:
    calls: list[int] = []
    for work in (grow, feather):
        calls.clear()
        work(square(), 12, lambda: calls.append(1))
        assert len(calls) > 5

    def stop() -> None:
        raise KeyboardInterrupt

    for work in (grow, feather):
        with pytest.raises(KeyboardInterrupt):
            work(square(), 1, stop)


def test_soft_values_survive() -> None:
    assert float(grow(square() * 0.3, 3).amax()) == pytest.approx(0.3)
    assert torch.equal(grow(square(), 0), square()) and torch.equal(feather(square(), 0), square())


@pytest.mark.parametrize("pixels", [1, 4, 9])
def test_feather_ends_where_it_says(pixels: int) -> None:
    row = feather(square(), pixels)[0, 0, 32]
    assert float(row[19 - pixels]) == 0 < float(row[20 - pixels]) <= float(row[21 - pixels])
    assert float(row[20 + pixels]) == pytest.approx(1, abs=1e-6) and float(row[19 + pixels]) < 1
    assert float(row[19] + row[20]) == pytest.approx(1, abs=1e-5)


def test_feather_at_the_border_counts_it_as_continued() -> None:
    assert torch.allclose(feather(torch.ones(1, 1, 32, 32), 6), torch.ones(1, 1, 32, 32))


def test_show_through() -> None:
    image, result = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
    mask = feather(square(), 4)
    result = image + 0.5 * mask
    assert torch.equal(show_through(image, result, mask, torch.ones_like(mask)), result)
    assert torch.equal(show_through(image, result, mask, mask), result)
    assert torch.equal(show_through(image, result, mask, torch.zeros_like(mask)), image)
    half = show_through(image, result, mask, torch.full_like(mask, 0.5))
    assert torch.allclose(half, 0.5 * mask.clamp(max=0.5).expand_as(half), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_show_through_keeps_bits(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    image, result = torch.rand(1, 3, 64, 64).to(dtype), torch.rand(1, 3, 64, 64).to(dtype)
    mask, blend = square(), square(low=30, high=60)
    shown = show_through(image, torch.where(mask > 0, result, image), mask, blend)
    inside = ((mask > 0) & (blend > 0)).expand_as(image)
    assert shown.dtype == dtype
    assert torch.equal(shown[inside], result[inside]) and torch.equal(shown[~inside], image[~inside])


def test_refusals() -> None:
    with pytest.raises(InputError, match="from 0 to 512, got 513"):
        grow(square(), -513)
    with pytest.raises(InputError, match="from 0 to 512, got -1"):
        feather(square(), -1)
    with pytest.raises(InputError, match=r"B 1 H W, got \(8, 8\)"):
        grow(torch.zeros(8, 8), 1)
