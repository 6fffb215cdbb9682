"""The edges of composites, read before they are reduced, for a network that reads them (:mod:`...network.rim`)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...network.profiles import SAMPLES, of_pictures, profiles_at, rim_of, spread
from .chance import host_uniform

REDUCED = 0.4  # at most to so much of their size are composites reduced before their edges are read
SIZES = 4  # of the pictures of a batch; every second of them is as it was made


def edges_of_made(made: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """:func:`edges_of` of composites as they are made, B 7 S S (composite, target, mask).

    Every second one is read as if it had been reduced once it was finished, as pictures often are: its edge is mixed
    anew.
    """
    profiles = made.new_empty(len(made), count, SAMPLES, 4)
    there = torch.empty(len(made), dtype=torch.bool, device=made.device)
    for first in range(min(SIZES, len(made))):
        rows = slice(first, None, SIZES)
        some = reduced(made[rows], generator) if first % 2 else made[rows]
        profiles[rows], there[rows] = edges_of(some[:, :3], some[:, 6:], count)
    return profiles, there


def reduced(made: Tensor, generator: torch.Generator) -> Tensor:
    """All of them at one smaller size, drawn from REDUCED on: B C S S -> B C s s."""
    side = round(made.shape[-1] * host_uniform(REDUCED, 1, generator))
    return F.interpolate(made, (side, side), mode="bilinear", antialias=True)


def edges_of(composite: Tensor, mask: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Profiles across the edges of masks.

    Args:
        composite: B 3 S S in [0, 1]; it is read as stored, in 8 bits.
        mask: B 1 S S in [0, 1].
        count: profiles of each.

    Returns:
        B count SAMPLES 4, and B: whether there is an edge.
    """
    hard = mask > 0.5
    rim = rim_of(hard, hard).flatten(1)
    place, width, at = spread(rim, count), mask.shape[-1], of_pictures(mask)
    stored = (composite * 255).round() / 255
    return profiles_at(of_pictures(stored), at, at, place // width, place % width), rim.any(1)
