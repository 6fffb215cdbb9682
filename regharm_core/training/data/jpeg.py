"""What JPEG does to a picture, in batches, on the training device.

A photograph's own compression noise tells how far its colours were moved: inside a region whose contrast was halved it
is half as strong. A composite that was compressed as a whole tells nothing of the kind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ...network.ycc import FROM_YCC, TO_YCC
from .chance import constant, uniform

QUALITIES = (40.0, 95.0)  # that are drawn from

# The quantization tables of ITU-T T.81, Annex K: luma and chroma, at a quality of 50.
LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
# The orthonormal cosine transform of 8 values, a row for each frequency.
COSINES = tuple(
    tuple(math.cos(math.pi / 8 * (place + 0.5) * wave) / (2 if wave else math.sqrt(8)) for place in range(8))
    for wave in range(8)
)
Table = Sequence[Sequence[float]]


def compress_some(pictures: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """:func:`compress` with a chance for each picture, at a quality drawn from QUALITIES: B 3 H W -> B 3 H W."""
    draw = uniform((2, len(pictures)), 0, 1, generator).to(pictures)
    low, high = QUALITIES
    worse = compress(pictures, low + draw[0] * (high - low))
    return torch.where((draw[1] < chance)[:, None, None, None], worse, pictures)


def compress(pictures: Tensor, quality: Tensor) -> Tensor:
    """As saved by libjpeg (chroma at half the size) and opened again.

    Args:
        pictures: B 3 H W, sRGB in [0, 1].
        quality: B, 1 to 95, as Pillow counts it.

    Returns:
        B 3 H W in [0, 1].
    """
    height, width = pictures.shape[-2:]
    padded = F.pad(pictures.clamp(0, 1) * 255, (0, -width % 16, 0, -height % 16), mode="replicate")
    ycc = torch.einsum("dc,bchw->bdhw", _matrix(TO_YCC, padded), padded)
    luma = _quantized(ycc[:, :1] - 128, LUMA, quality) + 128
    chroma = _quantized(F.avg_pool2d(ycc[:, 1:], 2), CHROMA, quality)
    chroma = F.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)
    rgb = torch.einsum("dc,bchw->bdhw", _matrix(FROM_YCC, luma), torch.cat([luma, chroma], dim=1))
    return (rgb[..., :height, :width] / 255).clamp(0, 1)


def _quantized(planes: Tensor, table: Table, quality: Tensor) -> Tensor:
    """Each 8 x 8 block's cosine coefficients rounded to multiples of the table's: B C H W -> B C H W."""
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None, None]
    step = ((_matrix(table, planes) * scale + 50) / 100).floor().clamp(1, 255)[:, None, None, None]
    cosines = _matrix(COSINES, planes)
    blocks = rearrange(planes, "b c (h y) (w x) -> b c h w y x", y=8, x=8)
    kept = (cosines @ blocks @ cosines.T / step).round() * step
    return rearrange(cosines.T @ kept @ cosines, "b c h w y x -> b c (h y) (w x)")


def _matrix(rows: Table, like: Tensor) -> Tensor:
    return constant([value for row in rows for value in row], like).view(len(rows), -1)
