"""Masks that are probably not what the person meant: empty, inverted, nearly everything, faint."""

from __future__ import annotations

import torch
from torch import Tensor

from ..network.config import HarmonizerConfig
from .box import bounding_box, whole
from .small import shrink_mask
from .subjects import DEFAULT_CONTEXT, subjects_of
from .view import usable_composites

DIM = 0.5  # brightest value below it: most of the change is not shown
MOST = 0.9  # of the picture: a mask that leaves hardly any background
ALONG = 0.9  # of a side that is white: the mask reaches the border there
HOLE = 0.03  # of the box that is black
SAME_SHAPE = 1.02  # ratios of the sides that differ by less are the same, cut to whole latents

EMPTY, FULL, INVERTED, LARGE, FAINT = "empty", "full", "inverted", "large", "faint"


def suspect(mask: Tensor, reference: Tensor | None, config: HarmonizerConfig) -> str | None:
    """What is odd about the mask of one picture, or None.

    Args:
        mask: 1 H W in [0, 1].
        reference: 1 H W, the background that may be consulted; all of it where None.
        config: the network's, for what it is shown.

    Returns:
        EMPTY: there is no foreground. FULL: there is no background that may be consulted. Both come back as
        they went in. INVERTED: white all around and black inside, like the transparency of a cut-out.
        LARGE: more than nine tenths are white. FAINT: nothing is as bright as one half.
    """
    peak = float(mask.amax()) if mask.numel() else 0.0
    if peak <= 0:
        return EMPTY
    (subject,) = subjects_of(0, mask, reference, DEFAULT_CONTEXT, config)
    size, box = (config.view, config.view), subject.box
    allowed = None if reference is None else shrink_mask(box.of(reference)[None], size)
    if not bool(usable_composites(shrink_mask(box.of(mask)[None], size, subject.levels.stretch), allowed)):
        return FULL
    if looks_inverted(mask):
        return INVERTED
    if float(mask.mean()) > MOST * peak:
        return LARGE
    return FAINT if peak < DIM else None


def looks_inverted(mask: Tensor) -> bool:
    """Whether a 1 H W mask is a frame around a hole: white along its box's four sides, black inside.

    Of a mask that reaches across the whole picture three sides will do: a person stands on the lower border.
    """
    box = bounding_box(mask > 0.5)
    part = (box.of(mask)[0] > 0.5).float()
    sides = [part[0], part[-1], part[:, 0], part[:, -1]]
    white = sum(bool(side.mean() > ALONG) for side in sides)
    needed = 3 if box == whole(mask) else 4
    return white >= needed and float(1 - part.mean()) > HOLE


def other_shape(size: tuple[int, int], picture: tuple[int, int]) -> bool:
    """Whether a mask of this height and width is distorted when stretched over a picture of the other."""
    ratio = size[1] * picture[0] / (size[0] * picture[1])
    return max(ratio, 1 / ratio) > SAME_SHAPE


def shows_nothing(mask: Tensor, blend_mask: Tensor) -> bool:
    """Whether a blend mask (B 1 H W) is black wherever the mask (the same) is not, though the mask is not empty."""
    touched = mask > 0
    return bool(touched.any()) and not bool(((blend_mask > 0) & touched).any())


def concentration(heat: Tensor, background: Tensor) -> float | None:
    """The smallest part of the background that half of what was taken came from.

    Args:
        heat: 1 H W, 0 or more.
        background: 1 H W in [0, 1].

    Returns:
        0 to 1, or None where nothing was taken.
    """
    taken = (heat * background)[background > 0].cpu().double()
    total = taken.sum()
    if not float(total) > 0:
        return None
    shares = taken.sort(descending=True).values.cumsum(0) / total
    return (int(torch.searchsorted(shares, shares.new_tensor(0.5))) + 1) / taken.numel()
