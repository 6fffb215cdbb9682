"""Colours continued beyond where they are known, smoothly and to any distance."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def continue_colours(colours: Tensor, known: Tensor) -> Tensor:
    """Fill what is not known from what is near: pull and push over a pyramid (Gortler et al. 1996).

    Args:
        colours: B C H W.
        known: B 1 H W in [0, 1], how far a colour is to be trusted.

    Returns:
        B C H W in fp32: the colours where ``known`` is 1, else a mean of the nearest known ones; zero where
        nothing is known at all.
    """
    levels: list[tuple[Tensor, Tensor]] = []
    weighted, weight = colours.float() * known.float(), known.float()
    while True:
        levels.append((weighted, weight))
        height, width = weight.shape[-2:]
        if max(height, width) == 1:
            break
        pad = (0, width % 2, 0, height % 2)
        weighted, weight = (F.avg_pool2d(F.pad(part, pad), 2) * 4 for part in (weighted, weight))
        # a coarse cell with any knowledge is known: its colour is the mean of what is known in it
        full = weight.clamp(max=1)
        weighted, weight = weighted * (full / weight.clamp_min(1e-12)), full
    filled = weighted / weight.clamp_min(1e-12)
    for weighted, weight in reversed(levels[:-1]):
        size = (weight.shape[-2], weight.shape[-1])
        coarse = F.interpolate(filled, scale_factor=2, mode="bilinear", align_corners=False)
        filled = weighted + (1 - weight) * coarse[..., : size[0], : size[1]]
    return torch.where(known >= 1, colours.float(), filled)
