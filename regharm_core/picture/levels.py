"""A mask's own black and white: mattes that are never white, and faint noise that is never black."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BLACK, WHITE = 0.1, 0.9  # of the mask's top level
TOP = 0.1  # of the weight (the fourth power of each value, so that a large faint area counts little) lies above it
BINS = 256
LOOKED_AT = 512  # px a side: of a larger mask every second, third, ... pixel is counted


@dataclass(frozen=True)
class Levels:
    """What of a mask is black and what is white to the network, in the mask's values.

    A mask of zeros and ones stays as it is, bit for bit; an edge stays where it was and becomes a quarter steeper.
    """

    low: float = BLACK
    high: float = WHITE

    @classmethod
    def of(cls, mask: Tensor) -> Levels:
        """Those of a 1 H W mask in [0, 1]; its black and white are shares of its :func:`top_level`."""
        top = top_level(mask)
        return cls(BLACK * top, WHITE * top)

    def stretch(self, mask: Tensor) -> Tensor:
        """0 up to ``low``, 1 from ``high`` on, and straight between."""
        return ((mask - self.low) / (self.high - self.low)).clamp(0, 1)


def top_level(mask: Tensor) -> float:
    """The level of a mask's inside: 1 of a proper mask, 0.9 of one that was made fainter; 1 of an empty one.

    Args:
        mask: 1 H W in [0, 1].
    """
    peak = float(mask.amax()) if mask.numel() else 0.0
    if peak <= 0:
        return 1.0
    step = max(1, *(-(-side // LOOKED_AT) for side in mask.shape[-2:]))
    values = mask[:, ::step, ::step]
    if float(values.amax()) < peak / 2:  # what is bright is so small that it was stepped over
        values = mask
    counts = torch.histc(values.float().cpu(), BINS, 0, peak)
    ends = torch.arange(1, BINS + 1) / BINS
    weight = (counts * ends.pow(4)).flip(0).double().cumsum(0)
    return peak * float(ends.flip(0)[int((weight < TOP * weight[-1]).sum())])
