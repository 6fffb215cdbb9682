"""Compressed composites: as Pillow compresses them."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from regharm_core.training.data.jpeg import compress


def _photograph(height: int, width: int) -> torch.Tensor:
    """Smooth colours and some texture, 3 H W of 8-bit steps."""
    y, x = torch.meshgrid(torch.linspace(0, 6, height), torch.linspace(0, 5, width), indexing="ij")
    waves = torch.stack([torch.sin(x + y), torch.cos(1.3 * x), torch.sin(x * y / 2)]) * 0.35 + 0.5
    noise = torch.randn(3, height, width, generator=torch.Generator().manual_seed(1)) * 0.03
    return ((waves + noise).clamp(0, 1) * 255).round() / 255


@pytest.mark.parametrize("quality", [30, 75, 92])
def test_it_is_what_pillow_makes(quality: int) -> None:
    picture = _photograph(52, 75)  # no multiple of 16
    file = io.BytesIO()
    pixels = np.ascontiguousarray((picture * 255).to(torch.uint8).permute(1, 2, 0).numpy())
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=2)
    wanted = torch.from_numpy(np.asarray(Image.open(file)).copy()).permute(2, 0, 1).float()
    answer = compress(picture[None], torch.tensor([float(quality)]))[0] * 255
    lost = float((picture * 255 - wanted).square().mean())
    assert float((answer - wanted).square().mean()) < 0.05 * lost + 1  # Pillow rounds to whole steps in between


def test_each_picture_has_its_own_quality() -> None:
    picture = _photograph(48, 64)
    both = compress(picture.expand(2, -1, -1, -1), torch.tensor([20.0, 90.0]))
    assert torch.equal(both[1], compress(picture[None], torch.tensor([90.0]))[0])
    rough, fine = (both - picture).square().mean((1, 2, 3))
    assert rough > 1.5 * fine
