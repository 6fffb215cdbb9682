"""Bilinear samples that repeat a picture's border beyond it, on every device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sample_repeated(picture: Tensor, grid: Tensor) -> Tensor:
    """``F.grid_sample`` with "border" padding and ``align_corners=False``: B C h w and B H W 2 (x, y) -> B C H W.

    "border" is not there on Apple's MPS before torch 2.13, so the grid is held within the outermost pixels' centres.
    """
    height, width = picture.shape[-2:]
    most = torch.tensor([1 - 1 / width, 1 - 1 / height], dtype=grid.dtype, device=grid.device)
    held = torch.minimum(torch.maximum(grid, -most), most)
    return F.grid_sample(picture, held, mode="bilinear", padding_mode="zeros", align_corners=False)
