"""Colours across the edge of a mask, at the picture's own size: what the rim reader (:mod:`.rim`) is given.

At places along the rim lies a line at right angles to it. Eight colours near the edge are read pixel by pixel, eight
further away as the mean of 3 x 3 pixels, half of them inside the mask, half outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

FINE = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0)  # px from the last pixel inside; outwards is positive
COARSE = (-10.5, -7.5, -4.5, -1.5, 2.5, 5.5, 8.5, 11.5)
INSIDE = 4  # of each eight
SAMPLES = len(FINE) + len(COARSE)
NORMAL_REACH, NORMAL_WIDTH = 3, 2.0  # px: the mask's slope is measured over a Gaussian window


@dataclass(frozen=True)
class Rim:
    """Edges of masks.

    Attributes:
        profiles: B N SAMPLES 4, from :func:`profiles_at`.
        there: B, False for a mask without an edge that something could be read from.
        looks: how often a network is shown these masks in one batch, all of them each time; the edges are read once.
    """

    profiles: Tensor
    there: Tensor
    looks: int = 1

    def to(self, device: torch.device) -> Rim:
        """The same on another device."""
        return Rim(self.profiles.to(device), self.there.to(device), self.looks)


At = Callable[[Tensor, Tensor], Tensor]  # rows and columns, B ... whole numbers in the picture -> B C ...


def rim_of(hard: Tensor, closed: Tensor) -> Tensor:
    """Pixels inside a mask with a neighbour (left, right, above, below) that may be consulted: ... H W, all bool.

    Args:
        hard: inside.
        closed: may not be consulted; holds all that is inside.
    """
    open_ = F.pad(~closed, (1, 1, 1, 1), value=False)
    beside = open_[..., 1:-1, :-2] | open_[..., 1:-1, 2:] | open_[..., :-2, 1:-1] | open_[..., 2:, 1:-1]
    return hard & beside


def spread(rim: Tensor, count: int) -> Tensor:
    """``count`` of the places that are True, evenly over all of them in reading order: B P bool -> B count.

    Where there are fewer, some are named several times; where there are none, the answer is the last place.
    """
    known = rim.long().cumsum(1)
    wanted = (torch.arange(count, device=rim.device) + 0.5) / count * known[:, -1:]
    return torch.searchsorted(known, wanted.long() + 1).clamp(max=rim.shape[1] - 1)


def of_pictures(pictures: Tensor) -> At:
    """What reads B C H W; places outside of a picture are those of its border."""
    height, width = pictures.shape[-2:]

    def at(rows: Tensor, columns: Tensor) -> Tensor:
        batch = torch.arange(len(pictures), device=rows.device).view(-1, *[1] * (rows.ndim - 1))
        return pictures[batch, :, rows.clamp(0, height - 1), columns.clamp(0, width - 1)].movedim(-1, 1)

    return at


def profiles_at(colour: At, mask: At, closed: At, rows: Tensor, columns: Tensor) -> Tensor:
    """The profiles through pixels of the rim.

    Args:
        colour: reads 3 channels in [0, 1].
        mask: reads 1 channel, 1 = foreground.
        closed: reads 1 channel, 1 = may not be consulted; at least the mask.
        rows, columns: B N, the pixels.

    Returns:
        B N SAMPLES 4, first FINE and then COARSE: red, green, blue; the fourth is ``closed`` for FINE and, for COARSE,
        the share of the nine pixels that the colour is the mean of (by the mask inside, by what is not closed outside).
    """
    down, across = _normals(mask, rows, columns)
    steps = _steps(FINE, down.dtype, down.device)
    fine_rows = (rows[..., None] + down * steps).round().long()
    fine_columns = (columns[..., None] + across * steps).round().long()
    fine = torch.cat([colour(fine_rows, fine_columns), closed(fine_rows, fine_columns)], dim=1)  # B 4 N 8

    steps = _steps(COARSE, down.dtype, down.device)
    y, x = _window(1, rows)
    around_rows = (rows[..., None] + down * steps).round().long()[..., None] + y
    around_columns = (columns[..., None] + across * steps).round().long()[..., None] + x
    inside = (steps < 0)[:, None]
    weight = torch.where(inside, mask(around_rows, around_columns), 1 - closed(around_rows, around_columns))
    mean = (colour(around_rows, around_columns) * weight).sum(-1) / weight.sum(-1).clamp_min(1e-3)
    coarse = torch.cat([mean, weight.mean(-1)], dim=1)
    return torch.cat([fine, coarse], dim=3).permute(0, 2, 3, 1)


def _normals(mask: At, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """The outward direction at each place, of length 1 (0 where the mask has no slope): B N 1 each, down and across."""
    y, x = _window(NORMAL_REACH, rows)
    near = mask(rows[..., None] + y, columns[..., None] + x)[:, 0]  # B N 49
    weight = torch.exp(-(y.square() + x.square()).to(near.dtype) / (2 * NORMAL_WIDTH**2))
    down, across = -(near * weight * y).sum(-1, keepdim=True), -(near * weight * x).sum(-1, keepdim=True)
    length = (down.square() + across.square()).sqrt().clamp_min(1e-6)
    return down / length, across / length


def _window(reach: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of a square window about 0, one after the other."""
    steps = torch.arange(-reach, reach + 1, device=like.device)
    return steps.repeat_interleave(len(steps)), steps.repeat(len(steps))


@cache
def _steps(places: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Sent to a device once: training's data path must not make the host wait for it."""
    return torch.tensor(places, dtype=dtype, device=device)
