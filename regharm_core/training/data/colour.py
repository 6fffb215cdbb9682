"""sRGB and CIE Lab (D65), batched: the space in which Reinhard and histogram matching work."""

from __future__ import annotations

import torch
from torch import Tensor

from .chance import constant

_TO_XYZ = (0.412453, 0.357580, 0.180423, 0.212671, 0.715160, 0.072169, 0.019334, 0.119193, 0.950227)  # row by row
_FROM_XYZ = (
    *(3.240481343201, -1.537151516271, -0.498536326169),
    *(-0.969254949997, 1.875990001490, 0.041555926558),
    *(0.055646639135, -0.204041338367, 1.057311069645),
)
_WHITE = (0.950456, 1.0, 1.088754)


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """sRGB in [0, 1] -> Lab (L 0..100), both B N 3."""
    rgb = rgb.clamp(0, 1)
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055).pow(2.4), rgb / 12.92)
    xyz = linear @ constant(_TO_XYZ, rgb).view(3, 3).T / constant(_WHITE, rgb)
    f = torch.where(xyz > 0.008856, xyz.clamp_min(1e-8).pow(1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Lab -> sRGB clipped to [0, 1], both B N 3."""
    lightness, a, b = lab.unbind(-1)
    y = (lightness + 16) / 116
    f = torch.stack([y + a / 500, y, y - b / 200], dim=-1)
    xyz = torch.where(f > 0.206893, f.pow(3), (f - 16 / 116) / 7.787) * constant(_WHITE, lab)
    linear = (xyz @ constant(_FROM_XYZ, lab).view(3, 3).T).clamp(0, 1)
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp_min(1e-8).pow(1 / 2.4) - 0.055, linear * 12.92)
