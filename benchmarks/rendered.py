"""Large composites whose truth is known, rendered: a textured, lit scene with an object in another light.

Nothing is photographed: value noise in many octaves gives detail down to single pixels, a lighting field varies
over the scene, the object's edge is a matte of one or two pixels. The composite's object went through a photographic
colour move (gains, gamma, saturation), the truth's did not.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core.training.measuring.pairs import Pair


def rendered_pair(number: int, size: int = 2048) -> Pair:
    """Pair ``number`` of size x size px; the same number gives the same picture."""
    random = torch.Generator().manual_seed(1000 + number)

    def colour(low: float, high: float) -> Tensor:
        return torch.rand(3, 1, 1, generator=random) * (high - low) + low

    ground = _texture(size, random, colour(0.1, 0.5), colour(0.4, 0.9))
    thing = _texture(size, random, colour(0.1, 0.5), colour(0.4, 0.9))
    light = 0.75 + 0.5 * _noise(size, 2, random)
    tint = 1 + 0.15 * (colour(0, 1) - 0.5)
    ramp = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(ramp, ramp, indexing="ij")
    centre = torch.rand(2, generator=random) * 0.8 - 0.4
    radius = 0.2 + 0.25 * torch.rand(1, generator=random)
    wobble = 0.12 * (_noise(size, 6, random) - 0.5)
    distance = ((x - centre[0]).square() + (y - centre[1]).square()).sqrt() + wobble
    matte = ((radius - distance) * size / 4 + 0.5).clamp(0, 1)[None]
    thing, ground = (thing * light * tint).clamp(0, 1), (ground * light * tint).clamp(0, 1)
    gain, gamma = 2 ** (colour(-0.35, 0.35)), float(2 ** (torch.rand(1, generator=random) * 0.8 - 0.4))
    moved = (thing.pow(gamma) * gain).clamp(0, 1)
    grey = moved.mean(0, keepdim=True)
    moved = (grey + (moved - grey) * (0.6 + 0.8 * float(torch.rand(1, generator=random)))).clamp(0, 1)
    real, composite = (ground + matte * (t - ground) for t in (thing, moved))
    return Pair(f"rendered{number}", composite, matte, real)


def _noise(size: int, cells: int, random: torch.Generator) -> Tensor:
    small = torch.rand(1, 1, cells + 1, cells + 1, generator=random)
    return F.interpolate(small, (size, size), mode="bicubic", align_corners=True)[0, 0].clamp(0, 1)


def _texture(size: int, random: torch.Generator, dark: Tensor, bright: Tensor) -> Tensor:
    """Two colours mixed by noise of all scales, 3 S S."""
    total = torch.zeros(size, size)
    cells, weight = 3, 1.0
    while cells < size:
        total = total + weight * (_noise(size, cells, random) - 0.5)
        cells, weight = cells * 2, weight * 0.75
    share = torch.sigmoid(2.5 * total)
    return dark + share * (bright - dark)
