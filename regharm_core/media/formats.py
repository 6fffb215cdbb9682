"""Which files are pictures, by the ends of their names, and what each format can hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PILLOW, OPENIMAGEIO = "Pillow", "OpenImageIO"


@dataclass(frozen=True)
class Format:
    """A format that is written.

    Attributes:
        name: as the library calls it.
        library: which one writes it.
        whole: bits a channel that whole numbers may have, in rising order.
        floating: bits a channel that floating point numbers may have.
        alpha, grey, profile: whether there is room for an alpha, for one channel alone, for a colour profile.
        grey_alpha: whether there is room for one channel and an alpha.
        associated: how its alpha is kept: multiplied into the colour, not, or as it comes (None).
        linear: its values are linear light; None: only those that came as such.
        more: keeps channels beside colour and alpha.
        lossy: what is written is not what is read again.
    """

    name: str
    library: str
    whole: tuple[int, ...] = (8,)
    floating: tuple[int, ...] = ()
    alpha: bool = True
    grey: bool = True
    grey_alpha: bool = True
    profile: bool = True
    associated: bool | None = False
    linear: bool | None = False
    more: bool = False
    lossy: bool = False


_PNG = Format("PNG", PILLOW, (8, 16))  # 16-bit colour is OpenImageIO's
_JPEG = Format("JPEG", PILLOW, alpha=False, lossy=True)
_TIFF = Format("tiff", OPENIMAGEIO, (8, 10, 12, 16, 32), (16, 32, 64), associated=None, linear=None, more=True)
_PNM = Format("pnm", OPENIMAGEIO, (8, 16), alpha=False, profile=False)
_JXL = Format("jpegxl", OPENIMAGEIO, (8, 16), (16, 32), grey_alpha=False, linear=None)

FORMATS: dict[str, Format] = {
    ".png": _PNG,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".jpe": _JPEG,
    ".jfif": _JPEG,
    ".webp": Format("WEBP", PILLOW, grey=False),
    ".avif": Format("AVIF", PILLOW, grey=False, lossy=True),
    ".bmp": Format("BMP", PILLOW, alpha=False, profile=False),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".exr": Format("openexr", OPENIMAGEIO, (), (16, 32), profile=False, associated=True, linear=True, more=True),
    ".hdr": Format("hdr", OPENIMAGEIO, (), (32,), alpha=False, grey=False, profile=False, linear=True),
    ".pfm": Format("pnm", OPENIMAGEIO, (), (32,), alpha=False, profile=False, linear=True),
    ".jxl": _JXL,
    ".dpx": Format("dpx", OPENIMAGEIO, (8, 10, 12, 16), grey_alpha=False, profile=False),
    ".tga": Format("targa", OPENIMAGEIO, grey_alpha=False, profile=False),
    ".ppm": _PNM,
    ".pnm": _PNM,
}

# Read but not written; in a folder, what comes of them is written as the second.
READ_ONLY = {
    ".gif": ".png",
    ".psd": ".tif",
    ".psb": ".tif",
    ".jp2": ".tif",
    ".j2k": ".tif",
    ".mpo": ".jpg",
    ".heic": ".png",
    ".heif": ".png",
    ".j2c": ".tif",
    ".sgi": ".tif",
    ".rla": ".tif",
    ".cin": ".dpx",
    ".dds": ".tif",
    ".pgm": ".pnm",
    ".pbm": ".pnm",
}

WRITABLE = tuple(FORMATS)
READABLE = (*FORMATS, *READ_ONLY)

HEIC = (".heic", ".heif")

# Files of cameras before they are developed. Some open as TIFF, and show their thumbnail.
RAW = (".cr2", ".cr3", ".nef", ".nrw", ".arw", ".dng", ".raf", ".orf", ".rw2", ".pef", ".srw", ".x3f", ".3fr", ".iiq")


def format_of(path: Path) -> Format | None:
    """What a path's name says is to be written; None where it says nothing known."""
    return FORMATS.get(path.suffix.lower())


def written_name(path: Path) -> str:
    """The name of what comes of a picture in a folder: its own, or with the suffix of a format that is written."""
    other = READ_ONLY.get(path.suffix.lower())
    return path.name if other is None else path.stem + other
