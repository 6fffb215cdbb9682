"""Frames of a clip: on their own, with one change, with a change that is smoothed over time."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core import Clip, Harmonizer, InputError, harmonize
from regharm_core.network.mapnet import MapNet
from regharm_core.picture.box import Box
from regharm_core.picture.changes import Found, steadied
from regharm_core.picture.levels import Levels
from regharm_core.picture.local_map import LocalMaps
from regharm_core.picture.subjects import Subject
from tests.network.mapnets import strong


@pytest.fixture(scope="module", params=["pixels", "maps"])
def model(request: pytest.FixtureRequest) -> Harmonizer:
    return strong(request.param)


def jittering(count: int = 10) -> tuple[Tensor, Tensor]:
    """A still picture under a disc whose place and size jitter."""
    random = torch.Generator().manual_seed(0)
    image = F.interpolate(torch.rand(1, 3, 9, 12, generator=random), (90, 120), mode="bicubic").clamp(0, 1) * 0.5 + 0.25
    rows, columns = torch.arange(90)[:, None], torch.arange(120)[None]
    masks: list[Tensor] = []
    for _ in range(count):
        y, x, radius = (torch.rand(3, generator=random) * 6 - 3 + torch.tensor([45.0, 60.0, 22.0])).tolist()
        masks.append(((rows - y) ** 2 + (columns - x) ** 2 < radius**2).float()[None])
    return image.repeat(count, 1, 1, 1), torch.stack(masks)


def jumps(frames: Tensor) -> float:
    means = frames[:, :, 35:55, 50:70].mean((2, 3))
    return float((means[1:] - means[:-1]).abs().mean())


def test_steady_lies_between_frozen_and_jumping(model: Harmonizer) -> None:
    images, masks = jittering()
    each, shared, steady = (harmonize(model, images, masks, **way) for way in ({}, {"shared": True}, {"steady": True}))
    if isinstance(model, MapNet):  # the other hardly looks around, and jumps by nothing to speak of
        assert jumps(each) > 1e-3
    assert jumps(shared) < 1e-6 and jumps(steady) < max(jumps(each) / 4, 2e-4)
    outside = (masks == 0).expand_as(images)
    assert torch.equal(steady[outside].view(torch.int32), images[outside].view(torch.int32))


@pytest.mark.parametrize("steady", [False, True])
def test_frames_one_by_one_are_the_frames_of_a_batch(model: Harmonizer, steady: bool) -> None:
    images, masks = jittering(5)
    masks[3] = 0
    clip = Clip(model, steady=steady, strength=0.8)
    for image, mask in zip(images, masks, strict=True):
        clip.look(image[None], mask[None])
    assert len(clip) == 5
    made = torch.cat([clip.change(n, images[n : n + 1], masks[n : n + 1]) for n in range(5)])
    wanted = harmonize(model, images, masks, strength=0.8, shared=not steady, steady=steady)
    torch.testing.assert_close(made, wanted, rtol=0, atol=1e-5)
    assert torch.equal(made[3], images[3])
    assert torch.equal(Clip.change(_unchanged(model, images, masks), 0, images[:1], masks[:1]), images[:1])


def _unchanged(model: Harmonizer, images: Tensor, masks: Tensor) -> Clip:
    clip = Clip(model, strength=0)
    clip.look(images[:1], masks[:1])
    return clip


def found(value: float, usable: bool = True, shot: float = 0.0) -> Found:
    maps = LocalMaps(torch.full((1, 12, 2, 2), value), (2, 2))
    subject = Subject(0, Box(0, 9, 0, 9), Box(0, 9, 0, 9), Levels())
    return Found(subject, usable, maps, torch.zeros(25), None, torch.full((3, 8, 8), shot))


def test_the_average_over_time_against_loops() -> None:
    random = torch.Generator().manual_seed(0)
    values, usable = torch.rand(30, generator=random).tolist(), (torch.rand(30, generator=random) > 0.2).tolist()
    shots = [0.2] * 12 + [0.6] * 18
    seen = [shot if there else 0.95 for shot, there in zip(shots, usable, strict=True)]  # without foreground, all of it
    made = steadied([found(v, u, s) for v, u, s in zip(values, usable, seen, strict=True)])
    for n in (n for n in range(30) if usable[n]):
        total = weight = 0.0
        for m in range(30):
            if abs(m - n) <= 8 and usable[m] and shots[m] == shots[n]:
                share = math.exp(-((m - n) ** 2) / 18)
                total, weight = total + share * values[m], weight + share
        assert float(made[n].coefficients[0, 5, 1, 0]) == pytest.approx(total / weight, rel=1e-5)


def test_where_no_frame_has_an_answer_there_is_none_to_average() -> None:
    assert float(steadied([found(0.3, False)])[0].coefficients.mean()) == pytest.approx(0.3)


def test_two_ways_at_once_are_refused(model: Harmonizer) -> None:
    images, masks = jittering(2)
    with pytest.raises(InputError, match="choose one"):
        harmonize(model, images, masks, shared=True, steady=True)


@pytest.mark.parametrize("strength", [-3.0, 2.1, float("nan")])
def test_a_clip_refuses_what_a_picture_refuses(model: Harmonizer, strength: float) -> None:
    with pytest.raises(InputError, match="strength must be from 0 to 2"):
        Clip(model, strength=strength)
