"""The one way in for pictures: every command and every measurement reads a file through here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PIL import Image

from ..errors import InputError
from . import openimageio, pillow
from .formats import HEIC, RAW
from .library import INSTALL, find_openimageio
from .picture import Picture, picture_of
from .raster import Raster

T = TypeVar("T")

MOST_PIXELS = 178_000_000  # a few bytes may claim more; beyond it Pillow refuses too


def read_picture(path: Path, *, sides: tuple[int, int] | None = None) -> Picture:
    """Decode a picture, upright, and show it as sRGB (as linear light where its values are that).

    Args:
        path: of a file; 8-bit PNG, JPEG, WebP and their kin are read by Pillow, all others need OpenImageIO.
        sides: px, the shortest and the longest that will do, asked before anything is decoded; None for any.

    Raises:
        InputError: when the file is missing, broken, too small or large, no still picture, or needs a library
            that is absent.
    """
    raster = read_raster(path, sides=sides)
    return _guarded(path, lambda: picture_of(path, raster))


def read_raster(path: Path, *, sides: tuple[int, int] | None = None) -> Raster:
    """What a picture's file holds, upright, as it is stored; arguments and errors as for :func:`read_picture`."""
    if not path.exists():
        nowhere = f", it is a link to {path.readlink()}" if path.is_symlink() else ""
        raise InputError(f"no such picture: {path}{nowhere}")
    if not path.is_file():
        raise InputError(f"not a picture that can be read: {path} is {'a folder' if path.is_dir() else 'no file'}")
    if path.stat().st_size == 0:
        raise InputError(f"not a picture that can be read: {path} is empty")
    if path.suffix.lower() in RAW:
        raise InputError(f"{path} is a camera's raw file; develop it first, into TIFF or PNG")

    def check(width: int, height: int) -> None:
        if sides is not None and not sides[0] <= min(width, height) <= max(width, height) <= sides[1]:
            raise InputError(f"{path} has {width} x {height} px; wanted {sides[0]} to {sides[1]} px a side")
        if width * height > MOST_PIXELS:
            raise InputError(f"refused to decode {path}: {width} x {height} px are more than {MOST_PIXELS}")

    return _guarded(path, lambda: _read(path, check))


def _read(path: Path, check: pillow.Check) -> Raster:
    raster = pillow.read(path, check)
    if raster is not None:
        return raster
    if path.suffix.lower() in HEIC:
        raise InputError(f"{path} is HEIC; pip install pillow-heif to read it, or save it as JPEG or PNG")
    if path.suffix.lower() == ".avif":
        raise InputError(
            f"{path} is AVIF, which this Pillow cannot read; pip install 'pillow>=11.3', or save it as PNG"
        )
    if find_openimageio(or_none=True) is None:
        if pillow.open_known(path) is None and path.suffix.lower() in pillow.ENDS:
            raise InputError(f"not a picture that can be read: {path}")
        raise InputError(f"{path} is of a kind that needs OpenImageIO to be read: {INSTALL}")
    return openimageio.read(path, check)


def _guarded(path: Path, work: Callable[[], T]) -> T:
    """Whatever a decoder raises as one error that names the file."""
    try:
        return work()
    except (InputError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f"refused to decode {path}: {error}") from None
    except Exception as error:  # decoders raise anything at all on a broken file
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        said = " ".join(said.split())[:200]
        raise InputError(f"cannot read the picture {path}: {said or type(error).__name__}") from None
