"""The edges of composites, read before they are reduced, for a network that reads them (:mod:`...network.rim`)."""

from __future__ import annotations

from torch import Tensor

from ...network.profiles import of_pictures, profiles_at, rim_of, spread


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
