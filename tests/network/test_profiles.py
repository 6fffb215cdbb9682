"""Where the edge of a mask is, and the colours across it: against loops over pixels in double precision."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from regharm_core.network.profiles import COARSE, FINE, SAMPLES, of_pictures, profiles_at, rim_of, spread
from tests.network.cases import CASES, mask_cases

HEIGHT, WIDTH = 26, 31


def picture(channels: int = 3) -> Tensor:
    return torch.rand(2, channels, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def slow_rim(hard: Tensor, closed: Tensor) -> Tensor:
    """H W bool each."""
    answer = torch.zeros_like(hard)
    for y in range(hard.shape[0]):
        for x in range(hard.shape[1]):
            for row, column in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                within = 0 <= row < hard.shape[0] and 0 <= column < hard.shape[1]
                if hard[y, x] and within and not closed[row, column]:
                    answer[y, x] = True
    return answer


@pytest.mark.parametrize("case", CASES)
def test_the_rim(case: str) -> None:
    foreground, background = mask_cases(9, 8)[case]
    hard = foreground > 0.5
    closed = hard | (background < 0.5)
    expected = [slow_rim(one[0], shut[0]) for one, shut in zip(hard, closed, strict=True)]
    assert torch.equal(rim_of(hard, closed), torch.stack(expected)[:, None])


def test_places_are_spread_evenly() -> None:
    random = torch.Generator().manual_seed(0)
    rim = torch.rand(5, 200, generator=random) < torch.tensor([[0.9], [0.3], [0.02], [0.0], [1.0]])
    rim[2, 50] = True
    for count in (1, 7, 64):
        chosen = spread(rim, count)
        assert chosen.shape == (5, count)
        for n in range(5):
            there = rim[n].nonzero()[:, 0].tolist()
            wanted = [there[math.floor((k + 0.5) / count * len(there))] if there else 199 for k in range(count)]
            assert chosen[n].tolist() == wanted


def at(channel: Tensor, y: int, x: int) -> float:
    return float(channel[min(max(y, 0), HEIGHT - 1), min(max(x, 0), WIDTH - 1)])


def slow_profile(image: Tensor, mask: Tensor, closed: Tensor, y: int, x: int) -> Tensor:
    """One place: 3 H W, H W and H W -> SAMPLES 4."""
    down = across = 0.0
    for dy in range(-3, 4):
        for dx in range(-3, 4):
            near = at(mask, y + dy, x + dx) * math.exp(-(dy**2 + dx**2) / 8)
            down, across = down - near * dy, across - near * dx
    length = max(math.hypot(down, across), 1e-6)
    down, across = down / length, across / length
    answer = torch.zeros(SAMPLES, 4, dtype=torch.float64)
    for number, step in enumerate(FINE):
        row, column = round(y + down * step), round(x + across * step)
        answer[number] = torch.tensor(
            [*(at(c, row, column) for c in image), at(closed, row, column)], dtype=answer.dtype
        )
    for number, step in enumerate(COARSE, len(FINE)):
        row, column = round(y + down * step), round(x + across * step)
        total, weights = torch.zeros(3, dtype=torch.float64), 0.0
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                inner = at(mask, row + dy, column + dx)
                weight = inner if step < 0 else 1 - at(closed, row + dy, column + dx)
                total += weight * torch.tensor([at(c, row + dy, column + dx) for c in image], dtype=torch.float64)
                weights += weight
        answer[number, :3], answer[number, 3] = total / max(weights, 1e-3), weights / 9
    return answer


def test_profiles_are_those_of_loops() -> None:
    image, noise = picture(), picture(1)
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    disc = (6.3 - ((y - 11.2) ** 2 + (x - 13.4) ** 2).sqrt()).clamp(0, 1)
    block = torch.zeros_like(disc)
    block[2:20, 24:] = 1  # to the picture's border
    mask = torch.stack([disc, block])[:, None].double()
    closed = torch.maximum(mask, (noise > 0.8).double())
    index = spread(rim_of(mask > 0.5, closed > 0.5).flatten(1), 40)
    rows, columns = index // WIDTH, index % WIDTH
    found = profiles_at(of_pictures(image), of_pictures(mask), of_pictures(closed), rows, columns)
    assert found.shape == (2, 40, SAMPLES, 4) and found.dtype == torch.float64
    for n in range(2):
        for k in range(40):
            place = int(rows[n, k]), int(columns[n, k])
            expected = slow_profile(image[n], mask[n, 0], closed[n, 0], *place)
            torch.testing.assert_close(found[n, k], expected, rtol=1e-9, atol=1e-9)


def test_a_picture_may_lie_in_memory_in_any_order() -> None:
    image = picture()
    turned = image.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    rows, columns = torch.tensor([[0, 25, 40], [3, -2, 7]]), torch.tensor([[0, 30, 5], [60, 1, 2]])
    assert torch.equal(of_pictures(image)(rows, columns), of_pictures(turned)(rows, columns))
    assert torch.equal(of_pictures(image)(rows, columns)[0, :, 2], image[0, :, 25, 5])
