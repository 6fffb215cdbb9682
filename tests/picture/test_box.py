"""Rectangles around a foreground."""

from __future__ import annotations

import pytest
import torch

from regharm_core.picture.box import Box, bounding_box, box_around, grow


def test_bounding_box_holds_every_pixel_and_no_more() -> None:
    random = torch.Generator().manual_seed(0)
    for _ in range(20):
        mask = (torch.rand(1, 13, 17, generator=random) > 0.97) * torch.rand(1, 13, 17, generator=random)
        places = [(y, x) for y in range(13) for x in range(17) if mask[0, y, x] > 0]
        rows, columns = [y for y, _ in places] or [0, 12], [x for _, x in places] or [0, 16]
        assert bounding_box(mask) == (min(rows), max(rows) + 1, min(columns), max(columns) + 1)


@pytest.mark.parametrize("context", [1.25, 2.0, 1e9])
def test_box_holds_the_foreground_and_fits_the_picture(context: float) -> None:
    mask = torch.zeros(1, 90, 120)
    mask[:, 70:88, 3:9] = 0.2
    box = box_around(mask, context, 32)
    assert 0 <= box.top <= 70 and 88 <= box.bottom <= 90 and 0 == box.left and 9 <= box.right <= 120
    assert box.size == (min(max(round(18 * context), 32), 90), min(max(round(6 * context), 32), 120))
    assert box_around(torch.zeros_like(mask), context, 32) == (0, 90, 0, 120)


def test_grow_goes_outwards_to_the_steps_and_stays_inside() -> None:
    assert grow(Box(9, 20, 1, 31), 3, 4, (40, 32)) == (4, 24, 0, 32)
    assert grow(Box(8, 16, 8, 16), 0, 4, (40, 32)) == (8, 16, 8, 16)
    assert grow(Box(0, 40, 0, 32), 5, 2, (40, 32)) == (0, 40, 0, 32)
