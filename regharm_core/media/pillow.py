"""Pillow's part: 8-bit PNG, JPEG, WebP and their kin, in and out, with or without OpenImageIO.

It keeps EXIF and text as they are and knows palettes; so it reads these whether OpenImageIO is there or not.
"""

from __future__ import annotations

import importlib
import io
import logging
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import InputError
from .colour import GammaSpace, Space, colours_of, profile_space
from .facts import INTEROPERABILITY, facts_of, for_pillow, forget_broken_exif
from .formats import Format
from .ink import rgb_of_ink
from .primaries import ADOBE_GAMMA, ADOBE_RGB, matrix_to_rec709
from .raster import Raster

ASKED = (
    "PNG",
    "JPEG",
    "MPO",
    "WEBP",
    "AVIF",
    "BMP",
    "GIF",
    "TIFF",
    "PSD",
    "HEIF",
)  # never a script, as EPS is
ENDS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".avif")  # of their names
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK")
MODES_IN_TIFF = ("P", "PA", "CMYK", "YCbCr")  # every other kind of TIFF and PSD is OpenImageIO's
BITS_PER_SAMPLE = 258  # a tag of TIFF; Pillow opens 16 bits of CMYK as 8
MERGED = ("MPO", "HEIF", "PSD")  # their first picture is the picture; what follows are a camera's others, or layers
GREY = 16  # of 255: a palette's colours whose channels differ by no more

logging.getLogger("PIL").addHandler(logging.NullHandler())  # what it logs of broken files, it raises too

Check = Callable[[int, int], None]  # of width and height, before anything is decoded


def read(path: Path, check: Check) -> Raster | None:
    """Decode a file, upright; None where it is not Pillow's to read.

    Raises:
        InputError: on several frames, or from ``check``.
        Exception: anything at all from a decoder, on a broken file.
    """
    file = open_known(path)
    if file is None:
        return None
    with file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a broken EXIF's, most of all
        if not _is_mine(file):
            return None
        check(*file.size)
        frames = getattr(file, "n_frames", 1)
        if frames > 1 and file.format not in MERGED:
            raise InputError(f"{path} holds {frames} frames; give one picture a file")
        return _raster(path, file)


def open_known(path: Path | io.BytesIO) -> Image.Image | None:
    """An image of one of the formats asked for, not decoded yet; None for any other file."""
    Image.init()
    _add_heif()
    known = tuple(name for name in ASKED if name in Image.OPEN)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = Image.open(path, formats=known)
    except UnidentifiedImageError:
        return None
    if file.format == "TIFF":
        file.filename = ""  # or Pillow maps the file into memory, and mistakes its sides where it lies turned
    return file


def depth_of(file: Image.Image) -> int:
    """8 or 16 bits a channel; of 16-bit colour Pillow would show 8."""
    if file.mode.startswith("I"):
        return 16
    return 16 if any(str(tile[3]).endswith(("16B", "16L", "16N")) for tile in getattr(file, "tile", [])) else 8


def write(kind: Format, values: np.ndarray, extras: dict[str, Any], profile: bytes | None) -> bytes:
    """A file of H W 1..4 of uint8, or of H W 1 of uint16 as PNG: lossless, JPEG and AVIF nearly so."""
    options = for_pillow(extras, kind.name)
    if profile and kind.profile:
        options["icc_profile"] = profile
    options |= {
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True, "exact": True},  # exact: what lies under an alpha of 0 too
        "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    }.get(kind.name, {})
    stream = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(values[..., 0] if values.shape[2] == 1 else values))
    picture.save(stream, kind.name, **options)
    return stream.getvalue()


def palette_of(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Numbers (H W) and colours (K 3), upright, of a picture with a palette of colours; None for any other.

    A palette of greys is a grey picture, and one of which a part is transparent is drawn in its alpha.
    """
    file = open_known(path)
    if file is None:
        return None
    with file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if file.mode != "P" or getattr(file, "n_frames", 1) > 1 or "transparency" in file.info:
            return None
        forget_broken_exif(file)
        colours = np.array(file.getpalette("RGB"), np.uint8).reshape(-1, 3)
        numbers = np.asarray(ImageOps.exif_transpose(file))
    used = colours[[n for n in np.unique(numbers) if n < len(colours)]].astype(int)
    return None if (used.max(1) - used.min(1) <= GREY).all() else (numbers, colours)


def _is_mine(file: Image.Image) -> bool:
    if file.format == "PSD":
        return file.mode == "CMYK"
    if file.format == "TIFF":
        bits: Any = getattr(file, "tag_v2", {}).get(BITS_PER_SAMPLE, 8)
        eight = max(bits if isinstance(bits, tuple) else (bits,)) <= 8
        return eight and file.mode in MODES_IN_TIFF and getattr(file, "n_frames", 1) == 1
    if file.format == "PNG" and file.mode.startswith("I"):
        return True
    return file.mode in MODES and depth_of(file) == 8


def _raster(path: Path, file: Image.Image) -> Raster:
    extras = facts_of(file)
    file.load()
    upright = ImageOps.exif_transpose(file)
    profile = extras.pop("icc_profile", b"")
    kind = str(file.format)
    if upright.mode == "CMYK":
        rgb, note = rgb_of_ink(np.asarray(upright), profile)
        return Raster(rgb, 8, (0, 1, 2), kind=kind, extras=extras, notes=(f"{path}: {note}",))
    values, colour, alpha = _values(upright)
    wanted = "GRAY" if len(colour) == 1 else "RGB"
    space: Space | None = None
    if profile and colours_of(profile) == wanted:
        extras["icc_profile"] = profile
        space = profile_space(profile) if wanted == "RGB" else None
    elif wanted == "RGB" and kind in ("JPEG", "MPO") and _is_adobe_rgb(upright):
        space = GammaSpace(matrix_to_rec709(ADOBE_RGB), ADOBE_GAMMA)
    bits = 8 * values.dtype.itemsize
    return Raster(values, bits, colour, alpha, space=space, kind=kind, extras=extras)


def _values(upright: Image.Image) -> tuple[np.ndarray, tuple[int, ...], int | None]:
    """H W C, which channels are the colour, and which is the alpha."""
    if upright.mode.startswith("I"):
        grey = np.asarray(upright).astype(np.uint16)[..., None]
        clear = upright.info.get("transparency")
        if not isinstance(clear, int):
            return grey, (0,), None
        return np.concatenate([grey, np.where(grey == clear, 0, 0xFFFF).astype(np.uint16)], axis=-1), (0,), 1
    grey = upright.mode in ("1", "L", "LA")
    see_through = upright.mode in ("LA", "PA", "RGBA") or "transparency" in upright.info
    mode = ("LA" if see_through else "L") if grey else ("RGBA" if see_through else "RGB")
    values = np.asarray(upright.convert(mode))
    values = values[..., None] if values.ndim == 2 else values
    colours = 1 if grey else 3
    return values, tuple(range(colours)), colours if see_through else None


def _is_adobe_rgb(file: Image.Image) -> bool:
    """What cameras write in their Adobe RGB mode, most of them without a profile (DCF 2.0)."""
    return str(file.getexif().get_ifd(INTEROPERABILITY).get(1, "")).startswith("R03")


@lru_cache(maxsize=1)
def _add_heif() -> None:
    """HEIC, where pillow-heif is installed."""
    if "HEIF" not in Image.OPEN:
        try:
            importlib.import_module("pillow_heif").register_heif_opener()
        except ImportError:
            return
