"""From what the network answered to the colour maps that are applied: a picture's own, or those of a clip's frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from .adjust import Adjustment
from .carry import adjusted, maps_of, mean_of
from .hue import Hue, hue_of
from .light import encode
from .local_map import LocalMaps, shared_map, shared_sums
from .small import limited, shrink, shrink_mask
from .subjects import Subject
from .view import View

EACH, SHARED, STEADY = "per frame", "shared", "steady"  # what the changes of frames have to do with each other
SPREAD = 3.0  # frames: deviation of the bell by which steady changes are averaged
REACH = 8  # frames to either side
GLANCE = 8  # px a side
CUT = 0.12  # mean difference of two frames' glances from which on they belong to different shots


@dataclass(frozen=True)
class Found:
    """What was found about a subject; small, so that it can be kept for every frame of a clip.

    Attributes:
        subject: what was asked about.
        usable: it has foreground and background.
        maps: its own change, adjusted.
        sums: what a map for several frames is fitted to, 25 (:func:`.local_map.shared_sums`).
        hue: the line of colours that it has to stay on.
        glance: 3 8 8, what a cut is seen by.
    """

    subject: Subject
    usable: bool
    maps: LocalMaps
    sums: Tensor
    hue: Hue | None
    glance: Tensor


def find_changes(
    views: View,
    subjects: Sequence[Subject],
    image: Tensor,
    mask: Tensor,
    adjustment: Adjustment,
    *,
    linear: bool = False,
    frames: str = EACH,
) -> list[Found]:
    """Colour maps for each subject, over its box.

    Args:
        views: what the network saw and answered, an entry a subject.
        subjects: what was asked about.
        image: B 3 H W, and mask: B 1 H W, the composites.
        adjustment: what of the change is wanted.
        linear: the composites are linear light.
        frames: what they will have to do with others.
    """
    own, side = (image.shape[2], image.shape[3]), views.size

    def everything(subject: Subject) -> tuple[Tensor, Tensor]:
        row = slice(subject.row, subject.row + 1)
        whole = shrink(image[row], side, encode if linear else limited).clamp(0, 1)
        return whole[0], shrink_mask(mask[row], side, subject.levels.stretch)[0]

    sums = shared_sums(views.guide, views.residual, views.weight * views.usable)
    glances = F.adaptive_avg_pool2d(views.guide, GLANCE).cpu()
    found: list[Found] = []
    for place, subject in enumerate(subjects):
        hue = hue_of(views.guide[place], views.weight[place], views.background[place], partial(everything, subject))
        exact = frames == EACH and subject.box.size == own == side
        maps = maps_of(views, place, exact=exact, everywhere=frames == STEADY)
        if adjustment.leaves_all:
            maps = _kept(maps, hue)
        else:
            maps = _adjusted(maps, hue, mean_of(views, place, maps), adjustment)
        found.append(Found(subject, bool(views.usable[place]), maps, sums[place], hue, glances[place]))
    return found


def settle(found: Sequence[Found], frames: str, adjustment: Adjustment, strength: float = 1.0) -> list[LocalMaps]:
    """The maps that are applied, one a subject, when all of them are known.

    Args:
        found: of every picture of a batch, or of every frame of a clip in its order.
        frames: EACH: as they were found. SHARED: one map for all. STEADY: each place of the maps averaged over the
            frames before and behind, weighed by a bell; not over a cut, nor over frames without foreground.
        adjustment: what of a shared change is wanted.
        strength: with which they will be applied.
    """
    if frames != SHARED or not found:
        maps = steadied(found) if frames == STEADY else [one.maps for one in found]
        return [_kept_at(own, one.hue, strength, adjustment) for own, one in zip(maps, found, strict=True)]
    sums = torch.stack([one.sums for one in found]).cpu().double().sum(0)  # not every device has float64
    maps, mean = shared_map(sums)
    hues = [one.hue for one in found if one.usable]
    hue = hues[0] if hues and all(hues) else None
    maps = _adjusted(LocalMaps(maps), hue, mean, adjustment)
    return [_kept_at(maps, hue, strength, adjustment)] * len(found)


def steadied(found: Sequence[Found]) -> list[LocalMaps]:
    """Maps averaged over time, see :func:`settle`."""
    shot, shots, last = 0, list[int](), None
    for here in found:
        if here.usable:  # of a frame without foreground another part is seen
            shot += last is not None and bool((last.glance - here.glance).abs().mean() > CUT)
            last = here
        shots.append(shot)
    answer: list[LocalMaps] = []
    for n, here in enumerate(found):
        near = [m for m in range(max(n - REACH, 0), min(n + REACH + 1, len(found))) if shots[m] == shots[n]]
        share = {m: math.exp(-((m - n) ** 2) / (2 * SPREAD**2)) for m in near if found[m].usable}
        if not share:
            answer.append(here.maps)
            continue
        total = sum(share.values())
        mean = sum(weight / total * found[m].maps.coefficients for m, weight in share.items())
        answer.append(replace(here.maps, coefficients=torch.as_tensor(mean)))
    return answer


def _adjusted(maps: LocalMaps, hue: Hue | None, mean: Tensor, adjustment: Adjustment) -> LocalMaps:
    """Maps with what is wanted of their change, on the line: unless less or more of its colour is wanted."""
    if adjustment.colour == 1:
        return _kept(adjusted(maps, mean, adjustment), hue)
    return adjusted(_kept(maps, hue), mean, adjustment)


def _kept_at(maps: LocalMaps, hue: Hue | None, strength: float, adjustment: Adjustment) -> LocalMaps:
    """Maps for this strength; where less or more colour is wanted, the way to the line is not gone as it is."""
    if hue is None or adjustment.colour != 1:
        return maps
    return replace(maps, coefficients=hue.kept_at(maps.coefficients, strength))


def _kept(maps: LocalMaps, hue: Hue | None) -> LocalMaps:
    return maps if hue is None else replace(maps, coefficients=hue.keep(maps.coefficients))
