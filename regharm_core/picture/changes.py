"""The colour maps that are applied, from what the network answered: its own, shared, kept to a hue, weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from torch import Tensor

from .adjust import Adjustment
from .carry import adjusted, maps_of
from .hue import Hue, hue_of
from .light import encode
from .local_map import LocalMaps, fit_shared_map
from .small import shrink
from .view import Subject, View


def changes_of(
    views: View,
    subjects: Sequence[Subject],
    image: Tensor,
    mask: Tensor,
    adjustment: Adjustment,
    *,
    linear: bool = False,
    shared: bool = False,
) -> list[LocalMaps]:
    """Colour maps for each subject, over its box.

    Args:
        views: what the network saw and answered, an entry a subject.
        subjects: what was asked about.
        image: B 3 H W, and mask: B 1 H W, the composites.
        adjustment: what of the change is wanted.
        linear: the composites are linear light.
        shared: one map for all of them.
    """
    own, side = (image.shape[2], image.shape[3]), views.size

    def everything(subject: Subject) -> tuple[Tensor, Tensor]:
        row = slice(subject.row, subject.row + 1)
        whole = shrink(image[row], side, encode if linear else None).clamp(0, 1)
        return whole[0], shrink(mask[row], side, subject.levels.stretch)[0]

    if shared:
        guide, weight, background = (
            part.transpose(0, 1).flatten(1, 2) for part in (views.guide, views.weight, views.background)
        )
        hue = hue_of(guide, weight, background, partial(everything, subjects[0]))
        maps = LocalMaps(fit_shared_map(views.guide, views.residual, views.weight * views.usable))
        return [adjusted(_kept(maps, hue), views, None, adjustment)] * len(subjects)
    found: list[LocalMaps] = []
    for place, subject in enumerate(subjects):
        hue = hue_of(views.guide[place], views.weight[place], views.background[place], partial(everything, subject))
        maps = maps_of(views, place, exact=subject.box.size == own == side)
        found.append(adjusted(_kept(maps, hue), views, place, adjustment))
    return found


def _kept(maps: LocalMaps, hue: Hue | None) -> LocalMaps:
    return maps if hue is None else replace(maps, coefficients=hue.keep(maps.coefficients))
