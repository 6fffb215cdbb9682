"""The benchmark of the parts: composites whose halves ask for opposite changes, and parts that are switched off."""

from __future__ import annotations

import pytest
import torch

from benchmarks.parts import DARKER, LIGHTER, left, one_map, switched_off, two_parts
from regharm_core import HarmonizerConfig, HarmonizerNet
from regharm_core.network.mapnet import MapNet
from regharm_core.training.measuring.pairs import Pair


@pytest.fixture
def halves() -> Pair:
    """A picture that is dark on the left and light on the right, with a little grain."""
    grain = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0)) / 20
    real = torch.full((3, 64, 64), 0.2)
    real[..., 32:] = 0.6
    real += grain
    return Pair("halves", real, torch.ones(1, 64, 64), real)


def test_each_thing_is_changed_in_its_own_way(halves: Pair) -> None:
    made = list(two_parts([halves, halves]))
    found = []
    for pair in made:
        inside = pair.mask[0] > 0.5
        assert torch.equal(pair.composite[:, ~inside], halves.real[:, ~inside])
        assert 0.1 < float(inside.float().mean()) < 0.15
        factor = pair.composite / pair.real
        for columns in (slice(0, 27), slice(37, 64)):  # beyond the soft change of one into the other
            there = factor[:, :, columns][:, inside[:, columns]]
            assert there.shape[1] > 20 and float(there.std(1).max()) < 1e-5
            found.append(tuple(round(float(gain), 3) for gain in there.mean(1)))
    assert set(found[:2]) == {LIGHTER, DARKER} and found[2:] == found[1::-1]


def test_a_picture_of_one_thing_is_left_out() -> None:
    flat = torch.full((3, 64, 64), 0.5)
    flat[:, :4, :4] = 0.9
    assert list(two_parts([Pair("flat", flat, torch.ones(1, 64, 64), flat)])) == []


def test_one_map_is_the_best_that_an_affine_map_can_do(halves: Pair) -> None:
    mask = torch.zeros(1, 64, 64)
    mask[:, 10:30, 20:50] = 1
    matrix = torch.tensor([[0.8, 0.1, 0.0], [0.0, 0.7, 0.1], [0.1, 0.0, 0.9]])
    moved = torch.einsum("oi,ihw->ohw", matrix, halves.real) + 0.05
    pair = Pair("one", torch.where(mask > 0, moved, halves.real), mask, halves.real)
    assert torch.allclose(one_map(pair), pair.real, atol=1e-5)
    nothing = Pair("none", pair.composite, torch.zeros_like(mask), halves.real)
    assert torch.equal(one_map(nothing), pair.composite)
    (two,) = two_parts([halves])
    best = one_map(two)
    assert torch.equal(best[:, two.mask[0] == 0], two.composite[:, two.mask[0] == 0])
    assert float(left([best], [two])[:-2]) < 100


def test_what_is_left_is_in_percent(halves: Pair) -> None:
    (two,) = two_parts([halves])
    assert left([two.composite], [two]) == "100.0 %" and left([two.real], [two]) == "0.0 %"


def test_parts_are_switched_off_where_they_are() -> None:
    net = MapNet(HarmonizerConfig(layout="maps", stages=(4, 4, 8, 8), translation="ptl", ptl_stride=16, view=64))
    assert switched_off(net, ("LTL", "PTL")) and net.ltl is None and net.ptl is None
    assert not switched_off(net, ("LTL",)) and switched_off(net, ())
    plain = HarmonizerNet(HarmonizerConfig(width=2, gated=False, refine=(0, 0, 0, 0), view=64))
    assert not switched_off(plain, ("rim",))
