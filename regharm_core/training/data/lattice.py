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
    return in_space(image, table) if image.device.type == "cuda" else in_plane(image, table)


def in_space(image: Tensor, table: Tensor) -> Tensor:
    """By torch's interpolation in space: B 3 H W and B 3 LATTICE LATTICE LATTICE -> B 3 H W."""
    where = rearrange(image.clamp(0, 1) * 2 - 1, "b c h w -> b 1 h w c")
    return F.grid_sample(table, where, align_corners=True, padding_mode="border")[:, :, 0]


def in_plane(image: Tensor, table: Tensor) -> Tensor:
    """The same on a CPU, where torch's interpolation in space is slow.

    The slices of equal blue are laid out one below the other as a picture, each with its difference to the next, and
    one interpolation in the plane does the rest.
    """
    onward = torch.cat([table[:, :, 1:] - table[:, :, :-1], torch.zeros_like(table[:, :, :1])], dim=2)
    slices = rearrange(torch.cat([table, onward], dim=1), "b c z y x -> b c (z y) x")
    red, green, blue = image.clamp(0, 1).unbind(1)  # B H W each
    depth = blue * (LATTICE - 1)
    level = depth.floor()
    row = (level + green) * LATTICE - green  # LATTICE rows a slice, LATTICE - 1 steps between its ends
    where = torch.stack([red * 2 - 1, row / (LATTICE**2 - 1) * 2 - 1], dim=-1)
    found = F.grid_sample(slices, where, align_corners=True, padding_mode="border")  # B 6 H W
    return found[:, :3] + (depth - level)[:, None] * found[:, 3:]
