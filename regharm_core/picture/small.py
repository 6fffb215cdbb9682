"""Small copies of pictures of any size, made in strips."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

STRIP_PIXELS = 1 << 20  # full-size pixels that are worked on at once

Prepare = Callable[[Tensor], Tensor]


def shrink(picture: Tensor, size: tuple[int, int], prepare: Prepare | None = None) -> Tensor:
    """B C H W -> B C h w in fp32, averaged over what a smaller pixel covers; along an axis that fits, as it is.

    First across, strip by strip, then down: the same numbers as in one go, without a full-size copy in fp32.

    Args:
        picture: of any dtype.
        size: h and w.
        prepare: what becomes of each full-size value first.
    """
    height, width = picture.shape[-2:]
    step = max(STRIP_PIXELS // max(width, 1), 1)
    strips: list[Tensor] = []
    for start in range(0, height, step):
        strip = picture[..., start : min(start + step, height), :].float()
        strip = strip if prepare is None else prepare(strip)
        if width != size[1]:
            strip = _resize(strip, (strip.shape[-2], size[1]))
        strips.append(strip)
    across = strips[0] if len(strips) == 1 else torch.cat(strips, dim=-2)
    return across if height == size[0] else _resize(across, size)


def limited(values: Tensor) -> Tensor:
    """What a screen shows of values: a pixel of 200 is as white as one of 1, and makes its surroundings no whiter."""
    return values.clamp(0, 1)


def shrink_mask(mask: Tensor, size: tuple[int, int], prepare: Prepare | None = None) -> Tensor:
    """:func:`shrink` for masks: nothing below 0 or above 1, where rounding in the averages gives up to 1.0000004."""
    return shrink(mask, size, prepare).clamp(0, 1)


def _resize(picture: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(picture, size, mode="bilinear", antialias=True)
