"""Samples that repeat the border are those of torch's border padding."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from regharm_core.picture.sampling import sample_repeated


def test_as_with_border_padding() -> None:
    random = torch.Generator().manual_seed(0)
    picture = torch.randn(2, 3, 9, 14, generator=random, dtype=torch.float64)
    grid = torch.rand(2, 40, 50, 2, generator=random, dtype=torch.float64) * 3 - 1.5
    wanted = F.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=False)
    torch.testing.assert_close(sample_repeated(picture, grid), wanted, rtol=0, atol=1e-12)
    assert bool((grid.abs() > 1).any())
