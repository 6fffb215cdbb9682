"""CMYK, which no network is shown: made into RGB, and said."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from .colour import colours_of, name_of


def rgb_of_ink(values: np.ndarray, profile: bytes) -> tuple[np.ndarray, str]:
    """CMYK as sRGB, by its profile where it has one.

    Args:
        values: H W 4 of uint8 or uint16; 0 is no ink.
        profile: the embedded one, or b"".

    Returns:
        H W 3, of uint8 where a profile was used, and what was done.
    """
    if profile and colours_of(profile) == "CMYK":
        eight = values if values.dtype == np.uint8 else (values.astype(np.float32) / 257).round().astype(np.uint8)
        given = Image.frombytes("CMYK", (values.shape[1], values.shape[0]), np.ascontiguousarray(eight).tobytes())
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        try:
            target = ImageCms.createProfile("sRGB")
            made = ImageCms.profileToProfile(given, source, target, ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB")
        except ImageCms.PyCMSError:
            made = None
        if made is not None:
            return np.asarray(made), f"its CMYK became 8-bit sRGB by its profile {name_of(profile)!r}"
    paper = 1 - values.astype(np.float32) / np.iinfo(values.dtype).max
    light = paper[..., :3] * paper[..., 3:]
    return (light * np.iinfo(values.dtype).max).round().astype(values.dtype), "its CMYK, without a profile, became RGB"
