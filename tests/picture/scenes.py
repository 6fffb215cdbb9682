"""Small pictures that several tests share."""

from __future__ import annotations

import torch
from torch import Tensor


def square_scene(height: int, width: int) -> tuple[Tensor, Tensor]:
    """A random picture of middling colours, 3 H W, and a mask with one soft row, 1 H W: the middle of it."""
    torch.manual_seed(5)
    mask = torch.zeros(1, height, width)
    mask[:, height // 4 : -height // 4, width // 4 : -width // 4] = 1
    mask[:, height // 4] *= 0.5
    return torch.rand(3, height, width) * 0.5 + 0.25, mask
