"""Pictures squeezed to squares of 8-bit values, as training and iHarmony4's measure take them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from .facts import forget_broken_exif
from .masks import read_mask
from .pillow import open_known
from .reading import read_picture

ORIENTATION = 0x0112
SIDEWAYS = (5, 6, 7, 8)  # orientations of which width and height change places


def read_small(path: Path, side: int) -> tuple[Tensor, tuple[int, int]]:
    """A picture as :func:`.reading.read_picture` shows it, 3 S S uint8, and its own width and height.

    Large JPEGs are decoded reduced, which takes a fraction of the time.

    Raises:
        InputError: as for :func:`.reading.read_picture`.
        Exception: anything at all from the decoder of a broken JPEG.
    """
    file = open_known(path) if path.is_file() else None
    if file is None or file.format != "JPEG" or file.mode not in ("RGB", "L") or file.info.get("icc_profile"):
        pixels = read_picture(path).display[0]
        return squeeze(pixels, side), (pixels.shape[2], pixels.shape[1])
    with file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forget_broken_exif(file)
        width, height = file.size
        sideways = file.getexif().get(ORIENTATION) in SIDEWAYS
        file.draft("RGB", (2 * side, 2 * side))
        upright = ImageOps.exif_transpose(file).convert("RGB")
    return _squeezed(upright, side), (height, width) if sideways else (width, height)


def read_small_mask(path: Path, side: int) -> tuple[Tensor, tuple[int, int]]:
    """A mask as :func:`.masks.read_mask` understands it, 1 S S uint8, and its own width and height.

    Raises:
        InputError: as for :func:`.masks.read_mask`.
    """
    mask = read_mask(path)[0]
    return squeeze(mask, side), (mask.shape[2], mask.shape[1])


def squeeze(picture: Tensor, side: int) -> Tensor:
    """C H W in [0, 1], C 1 or 3, to C S S of uint8: rounded, then resized (bilinear) by Pillow."""
    values = (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return _squeezed(Image.fromarray(values[..., 0] if values.shape[2] == 1 else values), side)


def _squeezed(picture: Image.Image, side: int) -> Tensor:
    small = np.array(picture.resize((side, side), Image.Resampling.BILINEAR))
    return torch.from_numpy(small).reshape(side, side, -1).permute(2, 0, 1)
