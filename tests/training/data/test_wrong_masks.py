"""Masks that are far off: each kind against plain loops, and in what shares they come."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from regharm_core.training.data.chance import host_uniform
from regharm_core.training.data.wrong_masks import FEATHER, LOOSE, SHIFT, TIGHT, make_wrong

SIDE = 40


def masks(count: int) -> Tensor:
    """Soft-edged blobs of many places, and one mask of nothing, one of everything, one of a point."""
    random = torch.Generator().manual_seed(0)
    noise = torch.nn.functional.interpolate(torch.rand(count, 1, 5, 5, generator=random), SIDE, mode="bicubic")
    found = ((noise - 0.55) * 8 + 0.5).clamp(0, 1)
    found[0], found[1], found[2] = 0, 1, 0
    found[2, :, 11, 30] = 1
    return found


def window(mask: list[list[float]], y: int, x: int, radius: int, *, repeat: bool = False) -> list[float]:
    """The values around a pixel; beyond the border the nearest ones where they repeat, none where not."""
    side, values = len(mask), []
    for v in range(y - radius, y + radius + 1):
        for u in range(x - radius, x + radius + 1):
            if repeat:
                values.append(mask[min(max(v, 0), side - 1)][min(max(u, 0), side - 1)])
            elif 0 <= v < side and 0 <= u < side:
                values.append(mask[v][u])
    return values


def slow(mask: list[list[float]], size: dict[str, int]) -> dict[str, Tensor]:
    """What one mask becomes by each kind, pixel by pixel."""
    side = range(len(mask))
    rows = [y for y in side if any(value > 0.5 for value in mask[y])]
    columns = [x for x in side if any(row[x] > 0.5 for row in mask)]

    def moved(y: int, x: int) -> float:
        v, u = y - size["down"], x - size["across"]
        return mask[v][u] if v in side and u in side else 0.0

    def boxed(y: int, x: int) -> float:
        return float(bool(rows) and rows[0] <= y <= rows[-1] and columns[0] <= x <= columns[-1])

    around = (2 * size["feather"] + 1) ** 2
    kinds: dict[str, Callable[[int, int], float]] = {
        "loose": lambda y, x: max(window(mask, y, x, size["loose"])),
        "tight": lambda y, x: min(window(mask, y, x, size["tight"])),
        "shifted": moved,
        "box": boxed,
        "feathered": lambda y, x: sum(window(mask, y, x, size["feather"], repeat=True)) / around,
    }
    return {name: torch.tensor([[value(y, x) for x in side] for y in side]) for name, value in kinds.items()}


def drawn(seed: int) -> dict[str, int]:
    """The sizes that a generator of this seed gives, in the order in which they are drawn."""
    random = torch.Generator().manual_seed(seed)
    size = {
        name: max(round(host_uniform(0.2, 1.0, random) * most * SIDE), 1)
        for name, most in (("loose", LOOSE), ("tight", TIGHT), ("feather", FEATHER))
    }
    for name in ("across", "down"):
        size[name] = round(host_uniform(-1.0, 1.0, random) * SHIFT * SIDE)
    return size


@pytest.mark.parametrize("seed", [1, 4])
def test_every_mask_becomes_one_of_the_five(seed: int) -> None:
    given = masks(24)
    made = make_wrong(given, 1.0, torch.Generator().manual_seed(seed))
    size, kinds = drawn(seed), []
    for before, after in zip(given, made, strict=True):
        alike = [
            name for name, mask in slow(before[0].tolist(), size).items() if torch.allclose(after[0], mask, atol=1e-6)
        ]
        assert alike
        kinds += alike[:1] if len(alike) == 1 else []
    assert set(kinds) == {"loose", "tight", "shifted", "box", "feathered"}
    assert 0 <= float(made.min()) and float(made.max()) <= 1


def test_shares() -> None:
    """Of wrong masks 30 % are loose, 15 % tight, 20 % shifted, 15 % boxes, 20 % feathered."""
    square = torch.zeros(4000, 1, 16, 16)
    square[:, :, 5:10, 4:12] = 0.9
    square[:, :, 6:8, 6:8] = 0.2  # a hole, which a box fills
    made = make_wrong(square, 1.0, torch.Generator().manual_seed(2))
    patterns, counts = made.unique(dim=0, return_counts=True)
    assert len(patterns) == 5
    found = sorted((counts / 4000).tolist())
    assert found == pytest.approx([0.15, 0.15, 0.2, 0.2, 0.3], abs=0.025)
    boxes = [
        n for n, pattern in enumerate(patterns) if pattern.sum() == 40 and set(pattern.unique().tolist()) == {0, 1}
    ]
    assert len(boxes) == 1 and float(counts[boxes[0]]) / 4000 == pytest.approx(0.15, abs=0.025)


@pytest.mark.parametrize("chance", [0.0, 0.25])
def test_the_others_stay_as_they_are(chance: float) -> None:
    given = torch.rand(600, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    before = given.clone()
    made = make_wrong(given, chance, torch.Generator().manual_seed(3))
    assert torch.equal(given, before)
    same = (made == given).all(dim=(1, 2, 3)).float().mean()
    assert float(same) == pytest.approx(1 - chance, abs=0.05)


def test_a_seed_gives_the_same_masks() -> None:
    first, second, other = (make_wrong(masks(12), 1.0, torch.Generator().manual_seed(s)) for s in (5, 5, 6))
    assert torch.equal(first, second) and not torch.equal(first, other)
