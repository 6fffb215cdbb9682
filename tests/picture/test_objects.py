"""Which parts of a mask are an object of their own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from regharm_core.picture import objects
from regharm_core.picture.box import Box
from regharm_core.picture.objects import connected, find_objects, gaps, nearest, places_in


def random_cells(seed: int, share: float) -> Tensor:
    return torch.rand(14, 17, generator=torch.Generator().manual_seed(seed)) < share


def flooded(there: Tensor) -> list[set[tuple[int, int]]]:
    """The connected pieces, by walking from cell to cell."""
    left = {(y, x) for y in range(there.shape[0]) for x in range(there.shape[1]) if there[y, x]}
    found: list[set[tuple[int, int]]] = []
    while left:
        border = [left.pop()]
        piece = set(border)
        while border:
            y, x = border.pop()
            for other in [(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]:
                if other in left:
                    left.remove(other)
                    piece.add(other)
                    border.append(other)
        found.append(piece)
    return found


def pieces_in(labels: Tensor) -> list[set[tuple[int, int]]]:
    return [{(int(y), int(x)) for y, x in (labels == n).nonzero()} for n in range(1, int(labels.max()) + 1)]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.4, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_pieces_against_walking(seed: int, share: float) -> None:
    there = random_cells(seed, share)
    labels = connected(there)
    assert torch.equal(labels > 0, there)
    assert sorted(map(sorted, pieces_in(labels))) == sorted(map(sorted, flooded(there)))


def test_a_long_winding_piece_is_one() -> None:
    there = torch.zeros(41, 40, dtype=torch.bool)
    there[::2] = True
    there[1::4, -1] = True
    there[3::4, 0] = True
    assert int(connected(there).max()) == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_against_every_distance(seed: int) -> None:
    """As chess kings walk; where two are as near, either will do."""
    labels = connected(random_cells(seed, 0.05))
    made = nearest(labels)
    known = [(int(y), int(x), int(labels[y, x])) for y, x in labels.nonzero()]
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            away = [(max(abs(y - b), abs(x - a)), n) for b, a, n in known]
            assert int(made[y, x]) in {n for distance, n in away if distance == min(away)[0]}


@pytest.mark.parametrize("gap", range(1, 9))
def test_the_gap_of_two_pieces(gap: int) -> None:
    labels = torch.zeros(20, 40, dtype=torch.long)
    labels[5:10, 3:12], labels[7:15, 12 + gap : 30] = 1, 2
    assert gaps(labels) == {(1, 2): gap + gap % 2}


def two(gap: int, small: int = 30, low: float = 1.0) -> Tensor:
    """Squares of 60 and ``small`` px, ``gap`` px apart, in a picture of 256 px."""
    mask = torch.zeros(1, 256, 256)
    mask[:, 90:150, 20:80] = 1
    mask[:, 100 : 100 + small, 80 + gap : 80 + gap + small] = low
    return mask


@pytest.mark.parametrize(("gap", "count"), [(0, 1), (2, 1), (8, 1), (30, 2), (120, 2)])
def test_what_nearly_touches_is_one_object(gap: int, count: int) -> None:
    found = find_objects(two(gap), apart=True)
    assert len(found.boxes) == count
    if count == 2:
        assert found.boxes == [Box(90, 150, 20, 80), Box(100, 130, 80 + gap, 110 + gap)]
        assert found.places is not None
        assert places_in(found.places, Box(100, 101, 25, 26), (256, 256), (1, 1)).tolist() == [[0]]
        assert places_in(found.places, Box(110, 111, 85 + gap, 86 + gap), (256, 256), (1, 1)).tolist() == [[1]]
    together = find_objects(two(gap), apart=False)
    assert together.boxes == [Box(90, 150, 20, 110 + gap)] and together.places is None


@pytest.mark.parametrize("low", [1 / 255, 0.05, 1.0])
@pytest.mark.parametrize("apart", [True, False])
def test_specks_bound_nothing(apart: bool, low: float) -> None:
    """A crumb, however bright, and anything faint, however large."""
    found = find_objects(two(150, 6 if low == 1 else 25, low), apart=apart)
    assert found.boxes == [Box(90, 150, 20, 80)] and found.places is None


def test_at_most_ten_objects_and_the_others_go_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = torch.zeros(1, 240, 240)
    for n in range(16):
        y, x = 60 * (n // 4) + 10, 60 * (n % 4) + 10
        mask[:, y : y + 20, x : x + 20 + n % 2] = 1  # every second one is larger
    found = find_objects(mask, apart=True)
    assert len(found.boxes) == objects.MOST == 10
    assert found.places is not None and set(found.places.unique().tolist()) == set(range(10))
    assert all(box.size == (20, 21) for box in found.boxes[:8])


def test_many_crumbs_are_one_object() -> None:
    """A crown of leaves: no leaf is further from the next than two cells."""
    mask = torch.zeros(1, 256, 256)
    for y in range(40, 200, 14):
        for x in range(60, 180, 14):
            mask[:, y : y + 10, x : x + 10] = 1
    assert len(find_objects(mask, apart=True).boxes) == 1


def test_a_mask_of_one_pixel_and_of_none() -> None:
    mask = torch.zeros(1, 700, 500)
    assert find_objects(mask, apart=True).boxes == [Box(0, 700, 0, 500)]
    mask[:, 77, 123] = 0.3
    assert find_objects(mask, apart=True).boxes == [Box(77, 78, 123, 124)]
