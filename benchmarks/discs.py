"""Pictures whose content does not matter, with a disc as foreground: what time and memory are measured on."""

from __future__ import annotations

import torch
from torch import Tensor


def scene(side: int, batch: int, share: float = 0.25) -> tuple[Tensor, Tensor]:
    """Random smooth pictures with a disc of a share of their area as foreground."""
    generator = torch.Generator().manual_seed(side)
    small = torch.rand(batch, 3, 32, 32, generator=generator)
    image = torch.nn.functional.interpolate(small, (side, side), mode="bicubic").clamp_(0, 1)
    ramp = torch.linspace(-1, 1, side)
    disc = (ramp[:, None].square() + ramp.square() < 4 * share / torch.pi).float()
    return image, disc.expand(batch, 1, side, side).contiguous()
