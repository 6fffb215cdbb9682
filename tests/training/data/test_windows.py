"""Windows: bounding boxes, what a crop shows, and where random ones may lie."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from regharm_core.training.data.windows import CLOSEST, TURN, Windows, bounds, draw_windows, sample


def regions() -> Tensor:
    made = torch.zeros(4, 1, 64, 64)
    made[0, :, 10:20, 32:64] = 1
    made[1, :, 63, 0] = 1
    made[2] = 1
    return made  # the fourth is empty


def test_bounds() -> None:
    centre, half = bounds(regions())
    wanted = [((32, 64), (10, 20)), ((0, 1), (63, 64)), ((0, 64), (0, 64)), ((0, 64), (0, 64))]
    for n, sides in enumerate(wanted):
        for axis, (first, last) in enumerate(sides):
            assert float(centre[n, axis]) == pytest.approx((first + last) / 64 - 1)
            assert float(half[n, axis]) == pytest.approx((last - first) / 64)


def test_what_a_window_shows() -> None:
    picture = torch.arange(64.0 * 64).reshape(1, 1, 64, 64)
    whole, quarter = torch.tensor([[1.0, 1.0]]), torch.tensor([[0.5, 0.5]])
    straight, mirrored = torch.tensor([[1.0]]), torch.tensor([[-1.0]])
    middle = torch.zeros(1, 2)

    def shown(centre: Tensor, half: Tensor, flip: Tensor, size: int) -> Tensor:
        return sample(picture, Windows(centre, half, flip).grid(size), "nearest")

    assert torch.equal(shown(middle, whole, straight, 64), picture)
    assert torch.equal(shown(middle, whole, mirrored, 64), picture.flip(-1))
    assert torch.equal(shown(middle, quarter, straight, 32), picture[..., 16:48, 16:48])
    corner = torch.tensor([[0.5, -0.5]])  # right, top
    assert torch.equal(shown(corner, quarter, straight, 32), picture[..., :32, 32:])
    assert torch.equal(shown(corner, quarter, mirrored, 32), picture[..., :32, 32:].flip(-1))


@pytest.mark.parametrize("close", [0.0, 1.0])
def test_random_windows_lie_in_the_picture(close: float) -> None:
    random = torch.Generator().manual_seed(0)
    for _ in range(20):
        windows = draw_windows(regions(), 0.5, close, (1.25, 3.0), random)
        assert float((windows.centre.abs() + windows.half).max()) <= 1 + 1e-6
        assert float(windows.half.min()) >= (CLOSEST if close else 0.5 * 2**-0.25) - 1e-6
        assert set(windows.flip.flatten().tolist()) <= {-1.0, 1.0}
        if close:  # the whole region and more of what is around it
            middle, extent = bounds(regions())
            inside = (windows.centre - middle).abs() + extent <= windows.half + 1e-6
            assert bool(inside.all())


def test_a_random_window_holds_a_part_of_the_region() -> None:
    region = regions()[:1].expand(32, -1, -1, -1)
    windows = draw_windows(region, 0.5, 0.0, (1.25, 3.0), torch.Generator().manual_seed(1))
    shown = sample(region, windows.grid(64), "nearest")
    assert float((shown.amax((1, 2, 3)) > 0).float().mean()) > 0.95
    assert 0 < int((windows.flip < 0).sum()) < 32


def test_loose_windows_are_turned_stretched_and_shifted() -> None:
    region = torch.zeros(256, 1, 64, 64)
    region[:, :, 16:48, 16:48] = 1  # half of each side, in the middle
    random = torch.Generator().manual_seed(2)
    strict = draw_windows(region, 0.5, 1.0, (1.5, 1.5), random)
    windows = draw_windows(region, 0.5, 1.0, (1.5, 1.5), random, 1.0)
    assert strict.turn is None and windows.turn is not None
    assert 0.3 < float(windows.turn.abs().max()) <= TURN
    ratio = windows.half[:, 0] / windows.half[:, 1]
    assert 2**-0.5 - 1e-6 <= float(ratio.min()) < 0.75 and 1.35 < float(ratio.max()) <= 2**0.5 + 1e-6
    assert 0.1 < float(windows.centre.abs().max()) <= 0.75 * 2**0.25 / 3 + 1e-6
    assert float((windows.centre.abs() + windows.half).max()) <= 1 + 1e-6


def test_a_quarter_turn_shows_the_picture_turned() -> None:
    picture = torch.arange(64.0 * 64).reshape(1, 1, 64, 64)
    one, zero = torch.ones(1, 2), torch.zeros(1, 2)
    turned = Windows(zero, one, one[:, :1], torch.full((1, 1), torch.pi / 2)).grid(64)
    assert torch.equal(sample(picture, turned, "nearest"), picture.rot90(1, (2, 3)))


@pytest.mark.parametrize("side", [288, 289, 290, 291])
def test_random_windows_hold_a_part_of_the_region_at_every_side(side: int) -> None:
    region = torch.zeros(256, 1, side, side)
    region[:, :, 200:230, 20:50] = 1
    windows = draw_windows(region, 0.2, 0.0, (1.25, 3.0), torch.Generator().manual_seed(0))
    low, high = windows.centre - windows.half, windows.centre + windows.half
    box = torch.tensor([[20, 200], [50, 230]]) / side * 2 - 1
    assert bool(((low < box[1]) & (high > box[0])).all())
