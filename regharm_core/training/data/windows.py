"""Which part of a picture a training example shows: random crops, and crops around the region."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import repeat
from torch import Tensor

from .chance import pick, uniform

CLOSEST = 0.35  # smallest side of a crop around a region, of the picture's
TURN, SHIFT = 0.35, 1 / 3  # the largest of loose windows: radians, and parts of half a side


@dataclass(frozen=True)
class Windows:
    """Rectangles in pictures whose sides run from -1 to 1: B 2 each (x, y); flip is B 1, -1 = mirrored.

    turn: B 1, the angle in radians by which each is turned about its centre; None where none is.
    """

    centre: Tensor
    half: Tensor
    flip: Tensor
    turn: Tensor | None = None

    def grid(self, size: int) -> Tensor:
        """Where each pixel of a window of ``size`` px lies, B size size 2 (x, y)."""
        ramp = torch.linspace(-1, 1, size, device=self.centre.device) * ((size - 1) / size)  # pixel centres
        x = self.half[:, :1] * self.flip * ramp  # B S, from the centre
        y = self.half[:, 1:] * ramp
        x, y = repeat(x, "b x -> b y x", y=size), repeat(y, "b y -> b y x", x=size)
        if self.turn is not None:
            cosine, sine = self.turn.cos()[..., None], self.turn.sin()[..., None]  # B 1 1
            x, y = cosine * x - sine * y, sine * x + cosine * y
        return torch.stack([x, y], dim=-1) + self.centre[:, None, None]


def sample(pictures: Tensor, grid: Tensor, mode: str) -> Tensor:
    """B C S S -> B C H W by a grid of :meth:`Windows.grid`, with "bilinear" or "nearest" interpolation."""
    return F.grid_sample(pictures, grid, mode=mode, padding_mode="reflection", align_corners=False)


def draw_windows(
    region: Tensor,
    crop: float,
    close: float,
    context: tuple[float, float],
    generator: torch.Generator,
    loose: float = 0.0,
) -> Windows:
    """A window for each region, B 1 S S.

    Args:
        region: 0 or 1.
        crop: smallest side of a random crop as a fraction of the picture's.
        close: chance that the window is instead the region's bounding box, its sides times a number from ``context``.
        context: range of that number; the public call shows the network such a box.
        generator: on the region's device.
        loose: how far windows are turned and stretched, 0 not at all, 1 by up to 20 degrees and a factor of 1.4; a
            close one is then also up to a sixth of its side off the region's middle.
    """
    device, count = region.device, region.shape[0]
    centre, half = _random(region, crop, generator)
    chosen = torch.rand(count, 1, generator=generator, device=device) < close
    middle, extent = bounds(region)
    extent = extent * uniform((count, 1), *context, generator)
    turn = None
    if loose:
        stretch = 2 ** (loose * uniform((count, 1), -0.25, 0.25, generator))
        extent = extent * torch.cat([stretch, 1 / stretch], dim=1)
        middle = middle + extent * (loose * uniform((count, 2), -SHIFT, SHIFT, generator))
        turn = loose * uniform((count, 1), -TURN, TURN, generator)
    extent = extent.clamp(CLOSEST, 1.0)
    half = torch.where(chosen, extent, half)
    centre = torch.where(chosen, middle, centre).clamp(half - 1, 1 - half)
    flip = torch.where(torch.rand(count, 1, generator=generator, device=device) < 0.5, -1.0, 1.0)
    return Windows(centre, half, flip, turn)


def bounds(region: Tensor) -> tuple[Tensor, Tensor]:
    """Bounding boxes of B 1 S S regions: centres and half sides in [-1, 1], B 2 each (x, y); all if empty."""
    side = region.shape[-1]
    centres, halves = [], []
    for axis in (2, 3):
        there = region.amax((1, axis)) > 0  # B S, along x and then y
        first, last = there.int().argmax(1), side - 1 - there.flip(1).int().argmax(1)
        centres.append((first + last + 1) / side - 1)
        halves.append((last + 1 - first) / side)
    return torch.stack(centres, dim=1), torch.stack(halves, dim=1)


def _random(region: Tensor, crop: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random windows that contain a random place of the region: centres and half sides, B 2 each."""
    count = region.shape[0]
    few = region[:, :, ::4, ::4]
    place, side = pick(few.flatten(1) + 1e-6, generator), few.shape[-1]
    centre = (torch.stack([place % side, place // side], dim=1) * 4 + 0.5) / region.shape[-1] * 2 - 1
    half = uniform((count, 1), crop, 1.0, generator)
    aspect = 2 ** (uniform((count, 1), -0.25, 0.25, generator))
    half = torch.cat([half * aspect, half / aspect], dim=1).clamp(max=1.0)
    return centre + half * uniform((count, 2), -0.8, 0.8, generator), half
