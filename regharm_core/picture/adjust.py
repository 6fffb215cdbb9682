"""A colour change taken apart: its lightness, its hue and saturation, its contrast, each with a strength of its own.

A change is a map ``A x + b`` of the composite's own colours x. With the luma L (a row), the grey direction g and
the mean colour m of the foreground around, it is the sum of three maps:

    tone      g L (A m + b)           a grey shift, the same for light and for dark
    contrast  g L A (x - m)           grey too, but different for light and for dark; none at the mean colour
    colour    (1 - g L)(A x + b)      what changes no lightness: hue and saturation
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from .describe import LUMA
from .spread import continue_colours

LARGEST_SHARE = 2.0
CELLS = 16  # cells a side that mean colours are taken in


@dataclass(frozen=True)
class Adjustment:
    """How much of each part of a change is applied: 0 none, 1 as it was found, 2 twice that.

    Raises:
        InputError: on a number outside 0..2.
    """

    tone: float = 1.0
    colour: float = 1.0
    contrast: float = 1.0

    def __post_init__(self) -> None:
        for name in ("tone", "colour", "contrast"):
            if not 0 <= (value := getattr(self, name)) <= LARGEST_SHARE:
                raise InputError(f"{name} must be from 0 to {LARGEST_SHARE:g}, got {value!r}")

    @property
    def leaves_all(self) -> bool:
        """Whether nothing is to be changed."""
        return self.tone == self.colour == self.contrast == 1


def adjust_maps(coefficients: Tensor, mean: Tensor, adjustment: Adjustment) -> Tensor:
    """Weigh the parts of affine colour changes.

    Args:
        coefficients: B 12 h w, A row by row (9) and b (3).
        mean: B 3 h w or B 3 1 1, the mean colour of the foreground around each place.
        adjustment: what is wanted.

    Returns:
        B 12 h w; the very coefficients where the adjustment leaves all as it is.
    """
    if adjustment.leaves_all:
        return coefficients
    slope, shift = coefficients[:, :9].unflatten(1, (3, 3)), coefficients[:, 9:]  # B out in h w, B out h w
    luma = torch.tensor(LUMA, dtype=slope.dtype, device=slope.device)
    light_slope = torch.einsum("o,boihw->bihw", luma, slope)
    light_shift = torch.einsum("o,bohw->bhw", luma, shift)
    at_mean = (light_slope * mean).sum(1)  # B h w
    grey_slope = light_slope[:, None]  # the same for every channel that comes out
    grey_shift = light_shift[:, None]
    new_slope = adjustment.contrast * grey_slope + adjustment.colour * (slope - grey_slope)
    tone = adjustment.tone * (at_mean + light_shift) - adjustment.contrast * at_mean
    new_shift = tone[:, None] + adjustment.colour * (shift - grey_shift)
    return torch.cat([new_slope.flatten(1, 2), new_shift], dim=1)


def mean_colours(guide: Tensor, weight: Tensor, grid: tuple[int, int]) -> Tensor:
    """The foreground's mean colour around each place of a grid that lies over a picture.

    Args:
        guide: B 3 H W, the composite.
        weight: B 1 H W in [0, 1], the mask.
        grid: rows and columns wanted.

    Returns:
        B 3 rows columns; where there is no foreground, that of the nearest.
    """
    height, width = guide.shape[-2:]
    cells = (min(CELLS, height), min(CELLS, width))
    sums, share = (F.adaptive_avg_pool2d(part.float(), cells) for part in (guide * weight, weight))
    means = continue_colours(sums / share.clamp_min(1e-12), (share > 1e-6).float())
    return F.interpolate(means, grid, mode="bilinear", align_corners=False)
