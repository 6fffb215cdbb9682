"""Whole photographs under another light, so that none is seen in the same colours again and again.

The network learns by heart what it often sees: it then knows a photograph's foreground again by its background, and
has learned nothing for other pictures.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .chance import Rows, uniform, where_rows
from .lattice import apply_lattice, lattice_points
from .mood import fade, mood
from .moves import photographic

MILD = 0.6  # of a photographic change
SHALLOWEST = 0.2  # of a mood


def relight(image: Tensor, share: float, moody: float, lights: float, generator: torch.Generator) -> Tensor:
    """Photographs of which some stand under another light: B 3 S S in [0, 1] -> B 3 S S.

    Args:
        image: the photographs.
        share: chance that one is changed: a mild photographic change,
        moody: or, with this chance, a mood of any depth,
        lights: with this chance two moods, one fading into the other.
        generator: on the image's device.
    """
    count, size = len(image), image.shape[-1]

    def drawn(chance: float) -> Tensor:
        return torch.rand(count, generator=generator, device=image.device) < chance

    chosen = drawn(share)
    points = lattice_points(count, image.device)
    mild = photographic(points, image.flatten(2).transpose(1, 2), points, generator)
    light = (points + MILD * (mild - points)).clamp(0, 1)
    if not moody:
        return where_rows(chosen, image, lambda rows: apply_lattice(image[rows], light[rows]))
    depth = uniform((count, 1, 1), SHALLOWEST, 1.0, generator)

    def deep(rows: Rows) -> Tensor:
        return (points[rows] + depth[rows] * (mood(points[rows], generator) - points[rows])).clamp(0, 1)

    moods = drawn(moody)
    light = where_rows(moods, light, deep)
    relit = where_rows(chosen, image, lambda rows: apply_lattice(image[rows], light[rows]))
    if not lights:
        return relit
    second = fade(count, size, generator)

    def both(rows: Rows) -> Tensor:
        return torch.lerp(relit[rows], apply_lattice(image[rows], deep(rows)), second[rows])

    return where_rows(chosen & moods & drawn(lights), relit, both)
