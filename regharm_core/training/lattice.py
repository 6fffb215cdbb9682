"""A colour map as a lattice of colours (a 3D LUT), applied to whole pictures by one interpolation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor

LATTICE = 17  # colours a side


def lattice_points(batch: int, device: torch.device) -> Tensor:
    """The lattice's own colours, B LATTICE^3 3, blue outermost and red innermost."""
    ramp = torch.linspace(0, 1, LATTICE, device=device)
    blue, green, red = torch.meshgrid(ramp, ramp, ramp, indexing="ij")
    return repeat(torch.stack([red, green, blue], dim=-1), "z y x c -> b (z y x) c", b=batch)


def apply_lattice(image: Tensor, colours: Tensor) -> Tensor:
    """Map each pixel by trilinear interpolation: B 3 H W in [0, 1] and B LATTICE^3 3 -> B 3 H W."""
    table = rearrange(colours, "b (z y x) c -> b c z y x", z=LATTICE, y=LATTICE)
    where = rearrange(image * 2 - 1, "b c h w -> b 1 h w c")
    return F.grid_sample(table, where, align_corners=True, padding_mode="border")[:, :, 0]
