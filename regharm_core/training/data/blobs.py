"""Soft blobs that cut through content, as a mask for inpainting does."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .chance import uniform


def draw_blobs(count: int, size: int, close: float, context: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Soft random blobs that ignore the content, B 1 S S in [0, 1].

    Args:
        count, size: B, and S in px.
        close: share of those that fill the picture, as if it were cropped around them.
        context: range of the picture's side, in diameters of such a blob.
        generator: on the device where they are drawn.
    """
    device = generator.device
    ramp = torch.linspace(-1, 1, size, device=device)
    y, x = torch.meshgrid(ramp, ramp, indexing="ij")
    centre = uniform((count, 2, 1, 1), -0.7, 0.7, generator)
    radius = uniform((count, 2, 1, 1), 0.15, 0.6, generator)
    fills = torch.rand(count, 1, 1, 1, generator=generator, device=device) < close
    near, far = context
    centre = torch.where(fills, 0.4 * centre, centre)
    radius = torch.where(fills, 1 / uniform((count, 2, 1, 1), near, far, generator), radius)
    distance = ((x - centre[:, 0]) / radius[:, 0]).square() + ((y - centre[:, 1]) / radius[:, 1]).square()
    noise = torch.randn(count, 1, 6, 6, generator=generator, device=device)
    noise = F.interpolate(noise, (size, size), mode="bicubic", align_corners=False)[:, 0]
    level = 1 - distance.clamp_min(1e-6).sqrt() + 0.25 * noise
    edge = 2 ** uniform((count, 1, 1), 1.5, 5.0, generator)
    return torch.sigmoid(level * edge * 3)[:, None]
