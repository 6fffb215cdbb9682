"""Which of a file's pictures is meant, where it lies in its frame, and which way is up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError

REDUCED, TRANSPARENCY = 1, 4  # bits of TIFF's NewSubfileType: a smaller copy, a mask of another page
MOST_PAGES = 10_000


def choose_page(path: Path, opened: Any, *, first: bool) -> int:
    """The number of the picture among a file's several: not a thumbnail, not another page's mask.

    Args:
        path: for the message.
        opened: an OpenImageIO input.
        first: take the first, as of an EXR's parts and a PSD's merged picture and layers.

    Raises:
        InputError: when several could be meant.
    """
    if first:
        return 0
    pages: list[tuple[int, int, int]] = []  # number, width, height
    page = 0
    while page < MOST_PAGES and opened.seek_subimage(page, 0):
        spec = opened.spec()
        if not spec.get_int_attribute("tiff:subfiletype", 0) & (REDUCED | TRANSPARENCY):
            pages.append((page, spec.width, spec.height))
        page += 1
    opened.geterror()
    if not pages:
        return 0
    number, width, height = max(pages, key=lambda p: (p[1] * p[2], -p[0]))
    for other, across, down in pages:
        smaller = 2 * across <= width and 2 * down <= height and abs(across * height - down * width) <= 2 * width
        if other != number and not smaller:  # what is no smaller copy is a picture of its own
            raise InputError(f"{path} holds {len(pages)} frames; give one picture a file")
    return number


def fit_display_window(spec: Any, values: np.ndarray) -> tuple[np.ndarray, bool]:
    """Values (H W C) where they lie in the frame that is to be seen, black around, and whether some lay outside it."""
    height, width = int(spec.full_height), int(spec.full_width)
    top, left = int(spec.y - spec.full_y), int(spec.x - spec.full_x)
    if (top, left, *values.shape[:2]) == (0, 0, height, width):
        return values, False
    frame = np.zeros((height, width, values.shape[2]), values.dtype)
    rows = slice(max(top, 0), min(top + values.shape[0], height))
    columns = slice(max(left, 0), min(left + values.shape[1], width))
    if rows.start < rows.stop and columns.start < columns.stop:
        frame[rows, columns] = values[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    outside = top < 0 or left < 0 or top + values.shape[0] > height or left + values.shape[1] > width
    return frame, outside


def turn(values: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (1..8) to H W C."""
    if orientation in (2, 4, 5, 7):
        values = values[:, ::-1]
    quarter_turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(values, quarter_turns))
