"""Local colour maps: at every location an affine map of colours, ``change = A colour + b``, 12 numbers.

They are Eq. 7 with the residual written as a map of the composite's own colours: what is smooth is the map, not the
change, so it can be drawn at a quarter of the size and applied at any.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .layers import single_or_double


def evaluate_maps(coefficients: Tensor, guide: Tensor) -> Tensor:
    """``A guide + b``: B 12 H W (A row by row, then b) and B 3 H W -> B 3 H W."""
    slope, change = coefficients.split([9, 3], dim=1)
    for column, channel in zip(slope.unflatten(1, (3, 3)).unbind(2), guide.split(1, dim=1), strict=True):
        change = torch.addcmul(change, column, channel)
    return change


def about_grey(coefficients: Tensor) -> Tensor:
    """Maps of ``colour - 1/2`` as maps of ``colour``: B 12 ... -> B 12 ...

    A network draws maps about middle grey, where a change of A does not move the mean of common colours.
    """
    slope, shift = coefficients[:, :9], coefficients[:, 9:]
    return torch.cat([slope, shift - slope.unflatten(1, (3, 3)).sum(2) / 2], dim=1)


def followed(first: Tensor, second: Tensor) -> Tensor:
    """Maps that change colours as ``first`` and then ``second`` do: B 12 h w, of one grid or 1 1 in place of h w."""
    slope = second[:, :9].unflatten(1, (3, 3))  # B, row, column, h w
    columns = torch.cat([first[:, :9].unflatten(1, (3, 3)), first[:, 9:, None]], dim=2)  # A's three and the shift
    on_top = (slope[:, :, :, None] * columns[:, None]).sum(2)
    added = torch.cat([on_top[:, :, :3].flatten(1, 2), on_top[:, :, 3]], dim=1)
    return first + second + added


def apply_small_maps(coefficients: Tensor, guide: Tensor) -> Tensor:
    """The change that maps on a coarser grid make: B 12 h w (resized bilinearly) and B 3 H W -> B 3 H W."""
    size = (guide.shape[-2], guide.shape[-1])
    return evaluate_maps(F.interpolate(coefficients, size, mode="bilinear", align_corners=False), guide)


def foreground_energy(residual: Tensor, mask: Tensor) -> Tensor:
    """Mean square of a change over the foreground, in squared 8-bit values: B 3 H W and B 1 H W -> B."""
    residual, mask = single_or_double(residual), single_or_double(mask)  # a sum over a picture is too large for half
    area = mask.sum((1, 2, 3)).clamp_min(1e-6)
    return ((residual * 255).square() * mask).sum((1, 2, 3)) / (3 * area)
