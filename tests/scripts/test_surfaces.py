"""Regions of walls, hills and the like: k-means against loops, and what becomes a region."""

from __future__ import annotations

import numpy as np
import torch

from scripts.decode_parts import _due
from scripts.salience import open_eye
from scripts.surfaces import KINDS, ROUNDS, _kinds, add_surfaces, find_surfaces


def slow_kinds(places: torch.Tensor) -> torch.Tensor:
    """One picture's places, N C: the first centre is the place farthest from the mean, each next from all before."""
    known = [places.mean(0)]
    for _ in range(KINDS):
        far = [min(float((place - one).norm()) for one in known) for place in places]
        known.append(places[far.index(max(far))])
    centres = known[1:]
    for _ in range(ROUNDS):
        own: list[list[torch.Tensor]] = [[] for _ in centres]
        for place in places:
            away = [float((place - one).norm()) for one in centres]
            own[away.index(min(away))].append(place)
        centres = [torch.stack(group).mean(0) for group in own]
    return torch.stack(centres)


def test_kinds_against_loops() -> None:
    places = torch.rand(2, 40, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    torch.testing.assert_close(_kinds(places), torch.stack([slow_kinds(one) for one in places]))


def test_a_picture_of_one_colour_has_no_kinds_that_are_not_numbers() -> None:
    assert torch.isfinite(_kinds(torch.zeros(1, 9, 4))).all()


def test_surfaces_come_beside_regions_and_never_over_them() -> None:
    labels = np.zeros((96, 96), np.uint8)
    labels[20:40, 20:40] = 1
    kinds = np.zeros((2, 96, 96), np.float32)
    kinds[0, :, :48] = 1
    kinds[1, :, 48:] = 1
    kinds[:, :3, 60:63] = kinds[::-1, :3, 60:63]  # a speck of the first kind: too small
    both = add_surfaces(labels, kinds)
    assert labels.max() == 1 and both.dtype == np.uint8
    assert (both == 1).sum() == 400 and np.unique(both).tolist() == [0, 1, 2, 3]
    assert (both[50:, :48] == 2).all() and (both[50:, 48:] == 3).all() and (both[:3, 60:63] == 0).all()


def test_two_surfaces_are_told_apart() -> None:
    """Above, stripes; below, something smooth: no region holds much of both."""
    random = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 192, 192, generator=random) * 0.05 + 0.3
    picture[:, :, :96] += 0.5 * (torch.arange(192) // 6 % 2)
    regions = add_surfaces(np.zeros((192, 192), np.uint8), find_surfaces(open_eye(), picture)[0].numpy())
    assert regions.max() >= 2 and (regions > 0).mean() > 0.6
    for number in range(1, regions.max() + 1):
        above = (regions[:96] == number).sum() / (regions == number).sum()
        assert above < 0.2 or above > 0.8


def test_a_share_is_spread_evenly() -> None:
    assert [n for n in range(12) if _due(n, 0.25)] == [3, 7, 11]
    assert not any(_due(n, 0.0) for n in range(50)) and all(_due(n, 1.0) for n in range(50))
