"""The rim reader: its fit against loops, and what it finds where a part of a photograph was recoloured."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from regharm_core.network.maps import evaluate_maps
from regharm_core.network.profiles import SAMPLES, Rim, of_pictures, profiles_at, rim_of, spread
from regharm_core.network.rim import (
    ALONE,
    FREE,
    GUESSED,
    INNER,
    OUTER,
    TOLD,
    USUAL,
    Reading,
    RimReader,
    _Fit,
    _guessed,
    _in_rgb,
    inverse,
)
from tests.network import slow_maps
from tests.network.mapnets import lively_reader


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def profiles(count: int = 2, places: int = 12) -> Tensor:
    return random(count, places, SAMPLES, 4)


def recoloured(side: int = 96) -> tuple[Tensor, Tensor, Tensor]:
    """A soft picture, the same with a disc moved by an affine map, and the disc's mask: 1 3 S S, 1 3 S S, 1 1 S S."""
    small = random(1, 3, 7, 7, seed=3)
    image = torch.nn.functional.interpolate(small, (side, side), mode="bicubic").clamp(0, 1) * 0.5 + 0.2
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    mask = (x.square() + y.square() < 0.4).double()[None, None]
    slope = torch.tensor([[0.2, 0.1, 0.0], [-0.1, -0.3, 0.05], [0.0, 0.1, -0.2]], dtype=torch.float64)
    change = torch.einsum("rk,bkhw->brhw", slope, image - 0.4) + torch.tensor([0.1, -0.05, 0.12]).view(1, 3, 1, 1)
    return image, image + mask * change, mask


def rim(image: Tensor, mask: Tensor, places: int = 200) -> Rim:
    index = spread(rim_of(mask > 0.5, mask > 0.5).flatten(1), places)
    width = mask.shape[-1]
    at = of_pictures(mask)
    found = profiles_at(of_pictures(image), at, at, index // width, index % width)
    return Rim(found, torch.ones(len(image), dtype=torch.bool))


def test_the_fit_is_the_weighted_least_squares_of_loops() -> None:
    source, goal, weight = random(2, 9, 3), random(2, 9, 3, seed=1), random(2, 9, 1, seed=2)
    weight = weight / weight.sum(1, keepdim=True)
    ridge, share = torch.tensor([[0.02, 0.1], [0.3, 0.001]]).double(), random(2, 3, seed=4)
    fit = _Fit(source, goal, weight)
    found = fit.map(ridge, share)
    for n in range(2):
        middle = sum(weight[n, k] * source[n, k] for k in range(9))
        shift = sum(weight[n, k] * (goal[n, k] - source[n, k]) for k in range(9))
        left, right = torch.zeros(3, 3).double(), torch.zeros(3, 3).double()
        for k in range(9):
            apart, change = source[n, k] - middle, goal[n, k] - source[n, k] - shift
            left += weight[n, k] * apart[:, None] * apart[None]
            right += weight[n, k] * apart[:, None] * change[None]
        for channel in range(3):
            kept = ridge[n, min(channel, 1)] * torch.eye(3)
            slope = torch.linalg.inv(left + kept) @ right[:, channel]
            for colour in source[n]:
                expected = (colour - middle) @ slope + share[n, channel] * shift[channel]
                torch.testing.assert_close(found[n, channel, :3] @ colour + found[n, channel, 3], expected)
        free = torch.linalg.inv(left + FREE * torch.eye(3)) @ right
        for k in range(9):
            rest = goal[n, k] - source[n, k] - shift - (source[n, k] - middle) @ free
            torch.testing.assert_close(fit.rest[n, k], rest)


def test_the_inverse() -> None:
    """Also of the worst that a fit asks for in single precision: one hue, and the smallest ridge."""
    matrices = random(5, 3, 3) + torch.eye(3)
    torch.testing.assert_close(inverse(matrices), torch.linalg.inv(matrices))
    hue = torch.tensor([[0.6, 0.5, 0.4]])
    flat = (hue.T @ hue * 0.1 + 1.6e-5 * torch.eye(3))[None]
    torch.testing.assert_close(inverse(flat).double(), torch.linalg.inv(flat.double()), rtol=0.02, atol=0)


def test_luma_and_colour_differences_there_and_back() -> None:
    """A map of theirs, as one of red, green and blue."""
    opponent, colour = random(1, 3, 4), random(3)
    y = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    ycc = torch.stack([y, (colour[2] - y) / 1.772, (colour[0] - y) / 1.402])
    y, cb, cr = opponent[0, :, :3] @ ycc + opponent[0, :, 3]
    red, blue = y + 1.402 * cr, y + 1.772 * cb
    expected = torch.stack([red, (y - 0.299 * red - 0.114 * blue) / 0.587, blue])
    found = slow_maps.apply_maps(_in_rgb(opponent)[0], colour.view(3, 1, 1))[:, 0, 0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_colours_are_carried_to_the_edge() -> None:
    """Fresh, half a step of what is seen outside; and what is drawn, sample by sample, for luma and the others."""
    colour, drawn = profiles()[..., :3], random(2, 12, 2, GUESSED, seed=5) - 0.5
    source, goal = _guessed(colour, torch.zeros_like(drawn))
    assert torch.equal(source, colour[:, :, 3])
    torch.testing.assert_close(goal, colour[:, :, 4] - (colour[:, :, 5] - colour[:, :, 4]) / 2)
    source, goal = _guessed(colour, drawn)
    for n in range(2):
        for k in range(12):
            for channel in range(3):
                one, share = colour[n, k, :, channel], drawn[n, k, min(channel, 1)]
                inside = one[3] + sum(share[j] * (one[place] - one[3]) for j, place in enumerate(INNER))
                outside = one[4] + sum(share[4 + j] * (one[place] - one[4]) for j, place in enumerate(OUTER))
                outside = outside - (one[5] - one[4]) / 2
                outside = outside - sum(share[8 + j] * (one[place] - one[3]) for j, place in enumerate(INNER[:2]))
                torch.testing.assert_close(source[n, k, channel], inside)
                torch.testing.assert_close(goal[n, k, channel], outside)


def test_a_fresh_reader_finds_how_a_part_of_a_picture_was_moved() -> None:
    image, composite, mask = recoloured()
    reading = RimReader(8).double()(rim(composite, mask))
    answer = composite + mask * evaluate_maps(reading.maps, composite)
    before, after = ((part - image).square().sum() for part in (composite, answer))
    assert float((after / before).detach()) < 0.05


@pytest.mark.parametrize("limits", [ALONE, TOLD, (0.3, 0.9)])
@pytest.mark.parametrize(
    ("where", "share"), [(-0.4, 1.0), (0.0, 1.0), (0.25, 0.75), (0.5, 0.5), (1.0, 0.0), (9.0, 0.0)]
)
def test_a_doubtful_reading_is_taken_in_part(limits: tuple[float, float], where: float, share: float) -> None:
    """What is expected to be left decides; what is not taken leaves its part of the error."""
    left = limits[0] + where * (limits[1] - limits[0])
    maps, before = random(2, 12, 1, 1), random(2)
    sure = Reading(maps, before + math.log(left), before).if_sure(limits)
    torch.testing.assert_close(sure.maps, maps * share)
    assert torch.equal(sure.before, before)
    torch.testing.assert_close(sure.left, torch.full_like(before, 1 - share * (1 - min(left, 1.0))))


def test_a_reading_is_given_whole() -> None:
    reader, given = lively_reader(), Rim(profiles(), torch.ones(2, dtype=torch.bool))
    whole, reading = reader.rounds(given.profiles)[-1], reader(given)
    assert torch.equal(reading.maps, whole.maps)
    assert torch.equal(reading.error, whole.error) and torch.equal(reading.before, whole.before)


def test_no_fit_is_made_in_bfloat16() -> None:
    """A training's autocast would make it: the maps were off by more than the change they were to find."""
    _, composite, mask = recoloured()
    found = rim(composite.float(), mask.float())
    reader = RimReader(8)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = reader(found)
    assert mixed.maps.dtype == torch.float32 and torch.equal(mixed.maps, reader(found).maps)


def test_perceptrons_that_learn_do_as_autocast_says() -> None:
    """Twice as fast on a CPU that computes in bfloat16. Where nothing learns, numbers are kept."""
    reader, given = lively_reader().float(), profiles().float()
    wanted = reader.rounds(given)[-1].maps
    with torch.autocast("cpu", torch.bfloat16):
        learning = reader.rounds(given)[-1].maps
        with torch.no_grad():
            still = reader.rounds(given)[-1].maps
    assert torch.equal(still, wanted) and learning.dtype == torch.float32
    difference = float((learning - wanted).detach().abs().max())
    assert 0 < difference < 0.05 * float(wanted.detach().abs().max())


def test_nothing_is_told_where_there_is_no_edge() -> None:
    reader = lively_reader()
    found = Rim(profiles(), torch.tensor([True, False]))
    reading = reader(found)
    assert bool(reading.maps[0].any()) and not bool(reading.maps[1].any())
    assert float(reading.error[1]) == float(reading.before[1]) == USUAL
    assert float(reading.error[0]) != float(reading.before[0])


def test_an_edge_that_is_not_there_may_hold_anything() -> None:
    given = profiles()
    given[1] = math.nan
    reading = lively_reader()(Rim(given, torch.tensor([True, False])))
    assert all(bool(part.isfinite().all()) for part in (reading.maps, reading.error, reading.before))
    assert not bool(reading.maps[1].any())


def test_a_rim_that_is_looked_at_twice_is_read_once() -> None:
    reader, there = lively_reader(), torch.tensor([True, False])
    once, twice = (reader(Rim(profiles(), there, looks)) for looks in (1, 2))
    assert torch.equal(twice.maps, torch.cat([once.maps] * 2)) and torch.equal(twice.error, once.error.repeat(2))


def test_the_order_of_places_is_of_no_matter() -> None:
    reader, given = lively_reader(), profiles(1, 30)
    there = torch.ones(1, dtype=torch.bool)
    turned = given[:, torch.randperm(30, generator=torch.Generator().manual_seed(1))]
    torch.testing.assert_close(reader(Rim(given, there)).maps, reader(Rim(turned, there)).maps)
    twice = reader(Rim(torch.cat([given, given], dim=1), there))
    torch.testing.assert_close(twice.maps, reader(Rim(given, there)).maps, rtol=0.05, atol=0.05)


def test_one_colour_is_no_trouble() -> None:
    """Nothing varies, so no slope can be found; all is finite, also backwards."""
    reader = RimReader(8).double()
    given = torch.full((1, 5, SAMPLES, 4), 0.3).double()
    reading = reader(Rim(given, torch.ones(1, dtype=torch.bool)))
    assert float(reading.maps.detach().abs().max()) < 1e-9
    (reading.maps.square().sum() + reading.error.sum() + reading.before.sum()).backward()
    assert all(bool(p.grad.isfinite().all()) for p in reader.parameters() if p.grad is not None)


def test_every_parameter_learns() -> None:
    reader = lively_reader()
    readings = reader.rounds(profiles())
    sum(r.maps.square().sum() + r.error.sum() + r.before.sum() for r in readings).backward()
    assert [n for n, p in reader.named_parameters() if p.grad is None or not bool(p.grad.abs().sum() > 0)] == []


def test_half_precision() -> None:
    _, composite, mask = recoloured()
    found = rim(composite.float(), mask.float())
    reader = RimReader(8)
    single, half = reader(found), reader.half()(found)
    assert half.maps.dtype == torch.float32
    torch.testing.assert_close(half.maps, single.maps, rtol=0.02, atol=0.02)
