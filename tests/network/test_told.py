"""What the overall branch is told of the rim, against a slow reference."""

from __future__ import annotations

import math

import torch

from regharm_core.network.rim import Reading
from regharm_core.network.told import FACTS, Told
from tests.network import slow_maps
from tests.network.mapnets import scene


def reading(count: int = 2) -> Reading:
    random = torch.Generator().manual_seed(4)
    maps = torch.rand(count, 12, 1, 1, generator=random) - 0.5
    error, before = torch.rand(2, count, generator=random) * 8
    return Reading(maps.double(), error.double(), before.double())


def test_it_says_nothing_while_it_is_new() -> None:
    image, mask = scene()
    heard, share = Told(6)(Reading(*(part.float() for part in vars(reading()).values())), image, mask)
    assert heard.shape == (2, 6) and not bool(heard.any()) and torch.equal(share, torch.ones(2, 1, 1, 1))


def test_both_errors_the_map_and_the_colours_before_it() -> None:
    image, mask = (part.double() for part in scene())
    told, found = Told(6).double(), reading()
    torch.nn.init.normal_(told.last.weight)
    torch.nn.init.normal_(told.last.bias)
    heard, share = told(found, image, mask)
    for n in range(2):
        error, before = float(found.error[n]), float(found.before[n])
        facts = [error / 4 - 1, before / 4 - 1, error - before, *(2 * float(m) for m in found.maps[n, :, 0, 0])]
        facts += [float(value) for value in slow_maps.colour_statistics(image[n], mask[n, 0])]
        assert len(facts) == FACTS
        inner = [
            sum(float(w) * fact for w, fact in zip(row, facts, strict=True)) + float(bias)
            for row, bias in zip(told.first.weight, told.first.bias, strict=True)
        ]
        inner = [value if value > 0 else 0.2 * value for value in inner]
        outer = [
            sum(float(w) * value for w, value in zip(row, inner, strict=True)) + float(bias)
            for row, bias in zip(told.last.weight, told.last.bias, strict=True)
        ]
        torch.testing.assert_close(heard[n].detach(), torch.tensor(outer[:-1]).double())
        assert math.isclose(float(share[n].detach()), 2 / (1 + math.exp(-outer[-1])), rel_tol=1e-9)
