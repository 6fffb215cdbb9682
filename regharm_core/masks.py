"""Masks made larger, smaller or softer, and a result shown through a second mask."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import InputError

LARGEST_RADIUS = 512  # px
SQUARES = 41  # squares among 100 steps of growing, the others diamonds: a regular octagon (tan 22.5 degrees)


def grow(mask: Tensor, pixels: int) -> Tensor:
    """Expand (positive) or contract (negative) a soft mask: B 1 H W -> B 1 H W.

    A grey dilation by an octagon of that radius, the nearest to a disc that small windows compose.
    Contracting leaves alone what touches the picture's border: the object goes on beyond it.

    Raises:
        InputError: on a radius beyond 512 px.
    """
    _check(mask, "pixels", abs(pixels))
    if pixels < 0:
        return 1 - grow(1 - mask, -pixels)
    for step in range(pixels):
        across, down = (1, 3), (3, 1)
        wide = F.max_pool2d(mask, across, 1, (0, 1))
        if (step + 1) * SQUARES // 100 > step * SQUARES // 100:
            mask = F.max_pool2d(wide, down, 1, (1, 0))  # a square
        else:
            mask = torch.maximum(wide, F.max_pool2d(mask, down, 1, (1, 0)))  # a diamond
    return mask


def feather(mask: Tensor, pixels: int) -> Tensor:
    """Soften edges over ``pixels`` to either side: B 1 H W -> B 1 H W.

    Two box blurs, so a triangle across and down; further than ``pixels`` from an edge nothing changes,
    and what was 0 there stays exactly 0. The picture's border counts as continued.

    Raises:
        InputError: on a radius beyond 512 px.
    """
    _check(mask, "pixels", pixels)
    for radius in (pixels // 2, pixels - pixels // 2):
        if radius:
            mask = _box(_box(mask, radius, 3), radius, 2)
    return mask


def show_through(image: Tensor, result: Tensor, mask: Tensor, blend_mask: Tensor) -> Tensor:
    """Limit a harmonized picture to where a second mask shows it.

    ``result`` carries the change with weight ``mask``; the weight becomes ``min(mask, blend_mask)``, so
    that a soft edge which both masks share is not softened twice.

    Args:
        image: the composite, B 3 H W.
        result: the same, harmonized with ``mask``.
        mask: B 1 H W in [0, 1].
        blend_mask: B 1 H W in [0, 1].

    Returns:
        B 3 H W of the image's dtype; the image's bits where the blend mask is 0, the result's where it
        is at least as large as the mask.
    """
    share = (blend_mask / mask.clamp_min(1e-6)).clamp(max=1)
    mixed = torch.lerp(image.float(), result.float(), share).to(image.dtype)
    mixed = torch.where(blend_mask >= mask, result, mixed)
    return torch.where(blend_mask > 0, mixed, image)


def _box(mask: Tensor, radius: int, dim: int) -> Tensor:
    """Mean over ``2 radius + 1`` pixels along one dimension, the border replicated."""
    down = dim == 2
    padded = F.pad(mask, (0, 0, radius, radius) if down else (radius, radius, 0, 0), mode="replicate")
    side = 2 * radius + 1
    return F.avg_pool2d(padded, (side, 1) if down else (1, side), 1).clamp(0, 1)


def _check(mask: Tensor, name: str, radius: int) -> None:
    if mask.ndim != 4 or mask.shape[1] != 1:
        raise InputError(f"mask must be B 1 H W, got {tuple(mask.shape)}")
    if not 0 <= radius <= LARGEST_RADIUS:
        raise InputError(f"{name} must be from 0 to {LARGEST_RADIUS}, got {radius}")
