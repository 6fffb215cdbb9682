"""Masks as people give them: off by a pixel or so, or wrong by far more (loose, tight, shifted, boxes, feathered)."""

from __future__ import annotations

import torch
from torch import Tensor

from .boxes import box_mean, dilate, erode
from .chance import host_uniform, where_rows

ROUGH = 90  # a picture's side, in what a rough mask is off by: a pixel where the network sees 64 px
LOOSE, TIGHT, SHIFT, FEATHER = 0.05, 0.015, 0.025, 0.06  # the largest, as shares of the picture's side


def roughen(mask: Tensor, generator: torch.Generator) -> Tensor:
    """Masks as people make them: some a little too wide, too narrow or feathered, B 1 S S."""
    little = max(round(mask.shape[-1] / ROUGH), 1)  # px
    draw = torch.rand(mask.shape[0], 1, 1, 1, generator=generator, device=mask.device)[:, 0, 0, 0]
    changed = mask
    changed = where_rows(draw < 0.1, changed, lambda rows: dilate(mask[rows], little))
    changed = where_rows((draw >= 0.1) & (draw < 0.2), changed, lambda rows: erode(mask[rows], little))
    return where_rows((draw >= 0.2) & (draw < 0.3), changed, lambda rows: box_mean(mask[rows], 2 * little, "replicate"))


def make_wrong(mask: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Some masks of a batch replaced by wrong ones, each kind with one size for the whole batch.

    Args:
        mask: B 1 S S in [0, 1].
        chance: share of the masks that are replaced.
        generator: on the mask's device.
    """
    side = mask.shape[-1]

    def size(most: float) -> int:
        return max(round(host_uniform(0.2, 1.0, generator) * most * side), 1)

    loose, tight, feather = size(LOOSE), size(TIGHT), size(FEATHER)
    across, down = (round(host_uniform(-1.0, 1.0, generator) * SHIFT * side) for _ in range(2))
    draw = torch.rand(mask.shape[0], generator=generator, device=mask.device) / max(chance, 1e-9)
    answer = mask
    answer = where_rows(draw < 0.3, answer, lambda rows: dilate(mask[rows], loose))
    answer = where_rows((draw >= 0.3) & (draw < 0.45), answer, lambda rows: erode(mask[rows], tight))
    answer = where_rows((draw >= 0.45) & (draw < 0.65), answer, lambda rows: _shifted(mask[rows], across, down))
    answer = where_rows((draw >= 0.65) & (draw < 0.8), answer, lambda rows: _box(mask[rows]))
    return where_rows((draw >= 0.8) & (draw < 1), answer, lambda rows: box_mean(mask[rows], feather, "replicate"))


def _shifted(mask: Tensor, across: int, down: int) -> Tensor:
    """Moved by whole pixels; what comes in from beyond the border is empty."""
    height, width = mask.shape[-2:]
    answer = torch.zeros_like(mask)
    rows, columns = slice(max(down, 0), height + min(down, 0)), slice(max(across, 0), width + min(across, 0))
    answer[..., rows, columns] = mask.roll((down, across), (2, 3))[..., rows, columns]
    return answer


def _box(mask: Tensor) -> Tensor:
    """The bounding box of what is above one half, filled."""
    there = (mask > 0.5).to(mask.dtype)
    rows, columns = there.amax(3, keepdim=True), there.amax(2, keepdim=True)
    between = [(part.cummax(d).values * part.flip(d).cummax(d).values.flip(d)) for part, d in ((rows, 2), (columns, 3))]
    return between[0] * between[1]
