"""The U-Net's building blocks and the masked statistics that the translations share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

EPSILON = 1e-5  # the epsilon of Eq. 3, as in instance normalisation


def conv_norm_act(inside: int, outside: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, leaky ReLU: B inside H W -> B outside H/stride W/stride."""
    padding = (kernel - stride + 1) // 2
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(outside),
        nn.LeakyReLU(0.2, inplace=True),
    )


class UpBlock(nn.Module):
    """One decoder level: transposed convolution, skip connection, sigmoid gate, 3x3 convolutions.

    ``forward(deep, skip)``: B deep H W and B c 2H 2W -> B c 2H 2W.
    """

    def __init__(self, deep: int, channels: int, *, gated: bool, refine: int) -> None:
        super().__init__()
        self.up = nn.Sequential(
            nn.ConvTranspose2d(deep, channels, 4, 2, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.LeakyReLU(0.2, inplace=True),
        )
        self.gate = nn.Conv2d(2 * channels, 2 * channels, 1) if gated else None
        self.fuse = conv_norm_act(2 * channels, channels, 3)
        self.refine = nn.Sequential(*(conv_norm_act(channels, channels, 3) for _ in range(refine)))

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        both = torch.cat([self.up(deep), skip], dim=1)  # B 2c H W
        if self.gate is not None:
            both = both * torch.sigmoid(self.gate(both))
        return self.refine(self.fuse(both))


def instance_norm(features: Tensor) -> Tensor:
    """Each channel of each image with mean 0 and deviation 1: B C H W -> B C H W.

    As groups of one channel: torch's own instance norm has a wrong gradient on a CPU where the batch is one image
    and the gradient lies channels last (torch 2.13).
    """
    return F.group_norm(features, features.shape[1], eps=EPSILON)


def single_or_double(values: Tensor) -> Tensor:
    """Half precision becomes float32, float32 and float64 stay: means and variances need the digits."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def cell_maximum(weight: Tensor, size: tuple[int, int]) -> Tensor:
    """The largest value of ``weight`` (B 1 H W) in each cell of a coarser grid (B 1 h w).

    A cell that any foreground touches counts as foreground. So a foreground smaller than one cell does
    not vanish, and background cells hold no foreground.
    """
    height, width = weight.shape[-2:]
    return F.max_pool2d(weight, (height // size[0], width // size[1]))


def masked_mean_std(features: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and deviation over space: B C H W and B 1 H W -> two of B C 1 1.

    The deviation is ``sqrt(variance + epsilon)``. An image without weight gets mean 0.
    """
    total = weight.sum((2, 3), keepdim=True).clamp_min(1e-6)
    mean = (features * weight).sum((2, 3), keepdim=True) / total
    variance = ((features - mean).square() * weight).sum((2, 3), keepdim=True) / total
    return mean, (variance.clamp_min(0) + EPSILON).sqrt()  # below 0 where a weight is, by rounding


def about_the_mean(features: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean over space: B C H W and B 1 H W -> B C 1 1; 0 for an image without weight.

    One matrix product, so nothing of the size B C H W is stored. It is only as exact as the device's products,
    which is enough here: the mean is subtracted and later added again.
    """
    total = features.flatten(2) @ weight.flatten(2).transpose(1, 2)  # B C 1
    return total[..., None] / weight.sum((2, 3), keepdim=True).clamp_min(1e-6)


def recomputed(function: Callable[..., Any], *values: Any) -> Any:
    """``function(*values)``; in training its inner results are not stored, the backward pass computes them again.

    Useful where the inner results are large and the answer is small. The function must not draw random numbers.
    """
    if not torch.is_grad_enabled():
        return function(*values)
    return checkpoint(function, *values, use_reentrant=False, preserve_rng_state=False)
