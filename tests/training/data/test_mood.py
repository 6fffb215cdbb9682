"""Moods: strong grades of a whole picture, against the same steps colour by colour."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from regharm_core.training.data.lattice import apply_lattice, lattice_points
from regharm_core.training.data.mood import fade, mood


def slow(colour: list[float], draw: dict[str, Tensor]) -> list[float]:
    """One colour through one picture's grade."""
    light = [min(max(value, 1e-4), 1.0) ** 2.2 for value in colour]
    warmth, tint = float(draw["warmth"]) * 0.45, float(draw["tint"]) * 0.22
    exposure = 2 ** (float(draw["exposure"]) * 0.75 - 0.25)
    light = [v * math.exp(0.8 * t) * exposure for v, t in zip(light, (warmth, tint, -warmth), strict=True)]
    talk = [[1.0 if i == j else 0.1 * float(draw["talk"][i, j]) for j in range(3)] for i in range(3)]
    light = [max(sum(row[j] * light[j] for j in range(3)) / sum(row), 0.0) for row in talk]
    light = [v / (1 + max(v - 0.8, 0.0)) for v in light]
    shown = [min(max(v, 1e-5), 1.0) ** (1 / 2.2) for v in light]
    grey = sum(shown) / 3
    dark, bright = (draw[name].flatten().tolist() for name in ("shadows", "highlights"))
    shown = [v + 0.06 * (d * (1 - grey) ** 2 + b * grey**2) for v, d, b in zip(shown, dark, bright, strict=True)]
    gain, lift = math.exp(float(draw["contrast"]) * 0.25), float(draw["lift"]) * 0.02
    shown = [(v - 0.45) * gain + 0.45 + lift for v in shown]
    grey, vivid = sum(shown) / 3, math.exp(float(draw["saturation"]) * 0.4 - 0.05)
    return [min(max(grey + (v - grey) * vivid, 0.0), 1.0) for v in shown]


ORDER = (  # of the draws, and their shapes
    *(("warmth", (1, 1)), ("tint", (1, 1)), ("exposure", (1, 1)), ("talk", (3, 3)), ("shadows", (1, 3))),
    *(("highlights", (1, 3)), ("contrast", (1, 1)), ("lift", (1, 1)), ("saturation", (1, 1))),
)


def test_against_one_colour_after_the_other() -> None:
    points = torch.rand(4, 30, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    points[:, 0], points[:, 1] = 0, 1
    graded = mood(points, torch.Generator().manual_seed(2))
    random = torch.Generator().manual_seed(2)
    draws = {name: torch.randn(4, *shape, generator=random) for name, shape in ORDER}
    for n in range(4):
        own = {name: values[n] for name, values in draws.items()}
        for colour, found in zip(points[n].tolist(), graded[n].tolist(), strict=True):
            assert found == pytest.approx(slow(colour, own), abs=1e-6)


def test_many_moods_are_finite_and_in_range() -> None:
    points = lattice_points(300, torch.device("cpu"))[:, ::7]
    graded = mood(points, torch.Generator().manual_seed(3))
    assert graded.shape == points.shape and bool(graded.isfinite().all())
    assert 0 <= float(graded.min()) and float(graded.max()) <= 1
    moved = (graded - points).square().mean((1, 2)).sqrt()  # of each mood
    assert float(moved.median()) > 0.1 and float(moved.std()) > 0.03  # strong, and not all alike


def test_a_generator_decides() -> None:
    points = lattice_points(3, torch.device("cpu"))
    first, second, other = (mood(points, torch.Generator().manual_seed(s)) for s in (5, 5, 6))
    assert torch.equal(first, second) and not torch.equal(first, other)
    assert not torch.equal(first[0], first[1])  # each picture its own


def test_equal_colours_stay_equal() -> None:
    """A grade is a map of colours: where a picture was flat it is flat afterwards."""
    image = torch.rand(1, 3, 1, 1).expand(1, 3, 9, 9)
    graded = apply_lattice(image, mood(lattice_points(1, image.device), torch.Generator().manual_seed(7)))
    torch.testing.assert_close(graded, graded[:, :, :1, :1].expand(1, 3, 9, 9), rtol=0, atol=1e-6)


def test_two_moods_fade_into_each_other_along_one_direction() -> None:
    """Monotonous along the steepest direction, from nearly nothing to nearly all in most, and constant across it."""
    share = fade(64, 33, torch.Generator().manual_seed(3))
    assert share.shape == (64, 1, 33, 33) and float(share.min()) >= 0 and float(share.max()) <= 1
    level = torch.logit(share.double()[:, 0])
    known = (share[:, 0] > 1e-3) & (share[:, 0] < 1 - 1e-3)  # beyond, single precision has few digits
    slopes = []
    for axis in (1, 2):  # a plane: every step of an image is the same
        steps = level.diff(dim=axis).where(known.narrow(axis, 0, 32) & known.narrow(axis, 1, 32), torch.nan).flatten(1)
        slopes.append(steps.nanmean(1) * 16)  # half of the picture is 16 steps
        assert float((steps * 16 - slopes[-1][:, None]).abs().nan_to_num().max()) < 2e-2
    slope = torch.stack(slopes).square().sum(0).sqrt()
    assert 2 - 1e-2 <= float(slope.min()) < 3 and 12 < float(slope.max()) <= 16 + 2e-2
    reach = share.amax((1, 2, 3)) - share.amin((1, 2, 3))
    assert float(reach.min()) > 0.5
