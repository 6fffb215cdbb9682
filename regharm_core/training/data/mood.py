"""Moods: strong grades of a whole picture, as light and graders give them (a sunset, a neon bar, a night).

A picture may stand under two of them, one fading into the other, as between a lamp and a window: there a place has to
be matched to the background beside it.
"""

from __future__ import annotations

import torch
from torch import Tensor

GAMMA = 2.2  # of display values, near enough for a random grade


def mood(points: Tensor, generator: torch.Generator) -> Tensor:
    """One strong random grade for each picture, on a lattice of colours: B P 3 in [0, 1] -> B P 3 in [0, 1].

    In linear light: colour temperature and tint, exposure, cross-talk between channels, a shoulder for the highlights.
    Then, on display values: a colour for shadows and one for highlights (split tone), contrast, saturation. The sizes
    are those with which the validation pairs of the kind were made.
    """
    count = points.shape[0]

    def normal(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator, device=generator.device).to(points)

    light = points.clamp(1e-4, 1).pow(GAMMA)
    warmth, tint = normal(1, 1) * 0.45, normal(1, 1) * 0.22
    light = light * torch.exp(torch.cat([warmth, tint, -warmth], dim=2) * 0.8) * 2 ** (normal(1, 1) * 0.75 - 0.25)
    identity = torch.eye(3, device=points.device, dtype=points.dtype)
    talk = identity + normal(3, 3) * 0.10 * (1 - identity)
    light = (light @ (talk / talk.sum(2, keepdim=True)).transpose(1, 2)).clamp_min(0)
    light = light / (1 + (light - 0.8).clamp_min(0))
    shown = light.clamp(1e-5, 1).pow(1 / GAMMA)
    grey = shown.mean(2, keepdim=True)
    shown = shown + normal(1, 3) * 0.06 * (1 - grey).square() + normal(1, 3) * 0.06 * grey.square()
    shown = (shown - 0.45) * torch.exp(normal(1, 1) * 0.25) + 0.45 + normal(1, 1) * 0.02
    grey = shown.mean(2, keepdim=True)
    return (grey + (shown - grey) * torch.exp(normal(1, 1) * 0.4 - 0.05)).clamp(0, 1)


def fade(count: int, size: int, generator: torch.Generator) -> Tensor:
    """How much of a second mood each place gets: soft ramps of random direction, place and width, B 1 size size."""
    device = generator.device
    steps = torch.linspace(-1, 1, size, device=device)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    angle, offset, width = torch.rand(3, count, 1, 1, generator=generator, device=device).unbind()
    along = x * (2 * torch.pi * angle).cos() + y * (2 * torch.pi * angle).sin()
    return torch.sigmoid((along - (offset - 0.5)) * 2 ** (1 + 3 * width))[:, None]
