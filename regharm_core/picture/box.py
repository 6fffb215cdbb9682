"""Rectangles of a picture: where a foreground lies, and what is around it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Box(NamedTuple):
    """A rectangle of a picture: rows ``top:bottom``, columns ``left:right``."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    def of(self, picture: Tensor) -> Tensor:
        """The rectangle of a ... H W tensor, as a view of it."""
        return picture[..., self.top : self.bottom, self.left : self.right]


def whole(picture: Tensor) -> Box:
    """The box of a whole ... H W tensor."""
    return Box(0, picture.shape[-2], 0, picture.shape[-1])


def bounding_box(mask: Tensor, low: float = 0) -> Box:
    """The smallest box that holds all of a 1 H W mask above ``low``; the whole picture if there is none."""
    rows, columns = ((mask[0].amax(d) > low).nonzero()[:, 0] for d in (1, 0))
    if not rows.numel():
        return whole(mask)
    top, bottom, left, right = torch.stack([rows[0], rows[-1], columns[0], columns[-1]]).tolist()
    return Box(top, bottom + 1, left, right + 1)


def box_around(mask: Tensor, context: float, least: int) -> Box:
    """The foreground's bounding box, its sides times ``context``, moved and cut to fit the picture.

    Args:
        mask: 1 H W; where it is above 0 is foreground. Without any, the whole picture is the answer.
        context: at least 1.
        least: px; no side becomes smaller than this (or than the picture).
    """
    return widen(bounding_box(mask), context, least, (mask.shape[-2], mask.shape[-1]))


def widen(box: Box, context: float, least: int, size: tuple[int, int]) -> Box:
    """A box in a picture of this height and width, otherwise as :func:`box_around`."""
    sides: list[int] = []
    for first, last, full in ((box.top, box.bottom, size[0]), (box.left, box.right, size[1])):
        length = min(max(round(min((last - first) * context, full)), least), full)
        start = min(max((first + last - length) // 2, 0), full - length)
        sides += [start, start + length]
    return Box(*sides)


def grow(box: Box, margin: int, step: int, size: tuple[int, int]) -> Box:
    """``margin`` px more on every side, outwards to multiples of ``step``, cut to a picture of this height and width.

    Args:
        box: the box.
        margin: px.
        step: px; divides the picture's sides.
        size: the picture's height and width.
    """
    sides: list[int] = []
    for first, last, full in ((box.top, box.bottom, size[0]), (box.left, box.right, size[1])):
        sides += [max(first - margin, 0) // step * step, min(-(-(last + margin) // step) * step, full)]
    return Box(*sides)


def join(first: Box, second: Box) -> Box:
    """The smallest rectangle that holds both."""
    return Box(
        min(first.top, second.top),
        max(first.bottom, second.bottom),
        min(first.left, second.left),
        max(first.right, second.right),
    )
