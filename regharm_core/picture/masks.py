"""Masks made larger, smaller or softer, and a result shown through a second mask."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError

Check = Callable[[], None]  # raises to cancel

LARGEST_RADIUS = 512  # px
SQUARES = 41  # of 100 px of growing, 41 by a square and 59 by a diamond: a regular octagon (tan 22.5 degrees)


def grow(mask: Tensor, pixels: int, check: Check | None = None) -> Tensor:
    """Expand (positive) or contract (negative) a soft mask: B 1 H W -> B 1 H W.

    A grey dilation by an octagon of that radius, which is the sum of a square and a diamond. Both grow in
    leaps, so the largest radius takes only a few dozen passes. Contracting does not move the mask away from
    the picture's border, because the object goes on beyond it.

    Args:
        mask: B 1 H W.
        pixels: the radius; a negative one contracts.
        check: called before each pass, to cancel by raising.

    Raises:
        InputError: on a radius beyond 512 px.
    """
    _check(mask, "pixels", abs(pixels))
    if pixels < 0:
        return 1 - grow(1 - mask, -pixels, check)
    square = pixels * SQUARES // 100
    for dims in ((3,), (2,)):
        for leap in _leaps(square, 1):
            mask = _spread(mask, leap, dims, check)
    for leap in _leaps(pixels - square, 2):
        mask = _spread(mask, leap, (3, 2), check)
    return mask


def feather(mask: Tensor, pixels: int, check: Check | None = None) -> Tensor:
    """Soften edges over ``pixels`` to either side: B 1 H W -> B 1 H W.

    Two box blurs, which together weigh like a triangle, across and down. Further than ``pixels`` from an
    edge nothing changes, and 0 stays exactly 0. Beyond the picture's border its last pixels are repeated.

    Args:
        mask: B 1 H W in [0, 1].
        pixels: the radius.
        check: called before each pass, to cancel by raising.

    Raises:
        InputError: on a radius beyond 512 px.
    """
    _check(mask, "pixels", pixels)
    for radius in (pixels // 2, pixels - pixels // 2):
        if radius:
            mask = _box(_box(mask, radius, 3, check), radius, 2, check)
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


def _leaps(radius: int, ways: int) -> list[int]:
    """Steps that add up to ``radius``. Each is as long as possible without a gap after the steps before it:
    with ``ways`` directions at once, ``reached / ways + 1``, so that the way to every pixel stays in the picture."""
    reached, steps = 0, list[int]()
    while reached < radius:
        steps.append(min(reached // ways + 1, radius - reached))
        reached += steps[-1]
    return steps


def _spread(mask: Tensor, leap: int, dims: tuple[int, ...], check: Check | None) -> Tensor:
    """The maximum of a mask and its copies moved ``leap`` pixels to both sides of every one of ``dims``."""
    if check is not None:
        check()
    result = mask.clone()
    for dim in dims:
        rest = mask.shape[dim] - leap
        if rest > 0:
            for to, origin in ((leap, 0), (0, leap)):
                part = result.narrow(dim, to, rest)
                torch.maximum(part, mask.narrow(dim, origin, rest), out=part)
    return result


def _box(mask: Tensor, radius: int, dim: int, check: Check | None) -> Tensor:
    """Mean over ``2 radius + 1`` pixels along one dimension, the border repeated. It is put together from sums
    of 1, 2, 4, ... pixels, so that a mean of zeros is exactly 0."""
    size, side = mask.shape[dim], 2 * radius + 1
    ends = (0, 0, radius, radius) if dim == 2 else (radius, radius, 0, 0)
    sums, width = F.pad(mask, ends, mode="replicate"), 1
    total, done = torch.zeros_like(mask), 0
    while done < side:
        if check is not None:
            check()
        if side & width:
            total += sums.narrow(dim, done, size)
            done += width
        if done < side:
            rest = sums.shape[dim] - width
            sums = sums.narrow(dim, 0, rest) + sums.narrow(dim, width, rest)
            width *= 2
    return (total / side).clamp(0, 1)


def _check(mask: Tensor, name: str, radius: int) -> None:
    if mask.ndim != 4 or mask.shape[1] != 1:
        raise InputError(f"mask must be B 1 H W, got {tuple(mask.shape)}")
    if not 0 <= radius <= LARGEST_RADIUS:
        raise InputError(f"{name} must be from 0 to {LARGEST_RADIUS}, got {radius}")
