"""A small network with a strong answer and a composite for it: what tests of the public call share."""

from __future__ import annotations

import torch
from torch import Tensor

from regharm_core import HarmonizerConfig, HarmonizerNet


def strong_network() -> HarmonizerNet:
    """A small network with a head that is not zero, so that it changes pictures strongly."""
    torch.manual_seed(0)
    net = HarmonizerNet(HarmonizerConfig(width=4, refine=(0, 0, 0, 0)))
    torch.nn.init.normal_(net.head.weight, std=0.3)
    return net.eval().requires_grad_(False)


def composite(height: int = 60, width: int = 90, batch: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A smooth random picture and a soft-edged disc."""
    random = torch.Generator().manual_seed(seed)
    small = torch.rand(batch, 3, 6, 6, generator=random)
    image = torch.nn.functional.interpolate(small, (height, width), mode="bicubic").clamp(0, 1)
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    disc = ((0.5 - (x.square() + y.square()).sqrt()) * 20 + 0.5).clamp(0, 1)
    return image, disc.expand(batch, 1, height, width).clone()
