"""Pixels of a foreground that are enough to measure it by."""

from __future__ import annotations

from torch import Tensor

from .box import bounding_box

FEW = 1024  # pixels; where stepping finds fewer, all are taken


def sampled(mask: Tensor, most: int, *pictures: Tensor) -> list[Tensor]:
    """The mask's values, 1 N, and those of pictures, C N each: of a large foreground every second, third, ... pixel.

    Args:
        mask: 1 H W.
        most: px a side of the foreground's box that are looked at.
        pictures: C H W.
    """
    box = bounding_box(mask)
    step = max(1, *(-(-side // most) for side in box.size))
    parts = [box.of(part) for part in (mask, *pictures)]
    stepped = [part[:, ::step, ::step].flatten(1) for part in parts]
    if step == 1 or int((stepped[0] > 0).sum()) >= FEW:
        return stepped
    rows, columns = (parts[0][0] > 0).nonzero(as_tuple=True)  # specks that lie between the steps
    return [part[:, rows.to(part.device), columns.to(part.device)] for part in parts]
