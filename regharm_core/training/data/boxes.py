"""Means and maxima over square windows: by pooling, or on a CPU from shifted copies, which is much faster there."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def box_mean(values: Tensor, radius: int, mode: str = "constant") -> Tensor:
    """Mean over windows of 2 radius + 1 px: B C H W -> B C H W.

    Args:
        values: the pictures.
        radius: px.
        mode: what lies beyond the border, "constant" (zeros, which count as values) or "replicate".
    """
    if values.device.type != "cpu":
        return pooled_mean(values, radius, mode)
    height, width = values.shape[-2:]
    values = F.pad(values, (radius,) * 4, mode=mode)
    total = values[..., :width].clone()
    for n in range(1, 2 * radius + 1):
        total += values[..., n : n + width]
    answer = total[..., :height, :].clone()
    for n in range(1, 2 * radius + 1):
        answer += total[..., n : n + height, :]
    return answer.div_((2 * radius + 1) ** 2)


def dilate(mask: Tensor, radius: int) -> Tensor:
    """Maximum over windows of 2 radius + 1 px: B C H W -> B C H W, for values of 0 or more."""
    if mask.device.type != "cpu":
        return pooled_maximum(mask, radius)
    height, width = mask.shape[-2:]
    mask = F.pad(mask, (radius,) * 4)
    across = mask[..., :width]
    for n in range(1, 2 * radius + 1):
        across = torch.maximum(across, mask[..., n : n + width])
    answer = across[..., :height, :]
    for n in range(1, 2 * radius + 1):
        answer = torch.maximum(answer, across[..., n : n + height, :])
    return answer


def erode(mask: Tensor, radius: int) -> Tensor:
    """Minimum over windows of 2 radius + 1 px of a mask in [0, 1]: B C H W -> B C H W."""
    return 1 - dilate(1 - mask, radius)


def pooled_mean(values: Tensor, radius: int, mode: str = "constant") -> Tensor:
    """:func:`box_mean` by pooling along rows and then along columns."""
    side = 2 * radius + 1
    values = F.pad(values, (radius,) * 4, mode=mode)
    return F.avg_pool2d(F.avg_pool2d(values, (1, side), stride=1), (side, 1), stride=1)


def pooled_maximum(mask: Tensor, radius: int) -> Tensor:
    """:func:`dilate` by pooling along rows and then along columns."""
    side = 2 * radius + 1
    across = F.max_pool2d(mask, (1, side), stride=1, padding=(0, radius))
    return F.max_pool2d(across, (side, 1), stride=1, padding=(radius, 0))
