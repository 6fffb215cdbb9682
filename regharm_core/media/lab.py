"""CIE Lab, which no network is shown either: made into RGB."""

from __future__ import annotations

import numpy as np

from .primaries import D50, d50_to_rec709, encode
from .raster import quantized


def rgb_of_lab(values: np.ndarray) -> np.ndarray:
    """CIE Lab as TIFF keeps it (ICC's white, D50), as sRGB of the same depth.

    Args:
        values: H W 3 of uint8 or uint16: L from 0 to the type's largest value, a and b as numbers with a sign.
    """
    signed = values[..., 1:].view(np.int8 if values.dtype == np.uint8 else np.int16)
    light = values[..., 0] * (100 / np.iinfo(values.dtype).max)
    a, b = np.moveaxis(signed / (1 if values.dtype == np.uint8 else 256), -1, 0)
    y = (light + 16) / 116
    cubes = np.stack([y + a / 500, y, y - b / 200], axis=-1)
    xyz = D50 * np.where(cubes > 6 / 29, cubes**3, (cubes - 16 / 116) * 3 * (6 / 29) ** 2)
    return quantized(encode((xyz @ d50_to_rec709().T).clip(0, 1)), values.dtype)
