"""What a picture file says beside its pixels, kept on the way through: profile, EXIF, XMP, resolution, text.

``extras`` of a picture holds ``icc_profile``, ``exif`` and ``xmp`` (bytes), ``dpi`` (across, down), ``text`` (a dict)
and ``comment`` (bytes) as Pillow reads and writes them, and ``attributes``, a list of (name, type, value), as
OpenImageIO does. Each library translates for the other: one writes a picture of one pixel, the other reads it.
The orientation is never among them: pictures are held upright.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from .library import find_openimageio

Extras = dict[str, Any]

WORDS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)  # of EXIF: description, make, model, ..., copyright
INNER = (0x8769, 0x8825)  # its directories of the exposure and of the place
COLOUR_SPACE = 0xA001  # there 1 is sRGB
INTEROPERABILITY = 0xA005  # the directory in which a camera says "R03" for Adobe RGB
JPEG_SEGMENT = 65_000
NO_RESOLUTION = (1, 1)  # JPEG's way to say that its pixels are square, and no more
XMP_IN_PNG = "XML:com.adobe.xmp"

# Of OpenImageIO's attributes, those that describe how the pixels lay in their file, which the new one decides itself.
STRUCTURE = ("oiio:", "tiff:", "jpeg:", "png:", "webp:", "bmp:", "gif:", "pnm:", "targa:", "ICCProfile", "thumbnail")
LAYOUT = (
    "Orientation", "openexr:chunkCount", "openexr:lineOrder", "openexr:roundingmode", "textureformat", "wrapmodes",
    "fovcot", "name", "type", "view", "Exif:YCbCrSubsampling", "Exif:PixelXDimension", "Exif:PixelYDimension",
)  # fmt: skip


def forget_broken_exif(file: Image.Image) -> None:
    """Leave EXIF out of an open file where it cannot be read: its pixels are as good without."""
    try:
        exif = file.getexif()  # where it stands behind the pixels, it is read now
        if data := file.info.get("exif"):  # a JPEG's own was tried, in silence, when it was opened
            exif = Image.Exif()
            exif.load(data)
        for directory in INNER:
            exif.get_ifd(directory)
        exif.tobytes()
    except Exception:  # it raises anything at all
        file.info.pop("exif", None)
        file.getexif().clear()


def facts_of(file: Image.Image) -> Extras:
    """What Pillow knows of an open file, with the orientation taken out of EXIF and XMP."""
    blank = Image.new("L", (1, 1))
    forget_broken_exif(file)
    text = dict(getattr(file, "text", {}))
    blank.info = dict(file.info)
    upright = ImageOps.exif_transpose(blank)
    info, extras = upright.info, Extras()
    exif = upright.getexif()
    if len(exif):
        extras["exif"] = _written(exif)
    xmp = info.get("xmp") or info.get(XMP_IN_PNG)
    if xmp:
        extras["xmp"] = xmp if isinstance(xmp, bytes) else str(xmp).encode()
    for name in ("icc_profile", "dpi", "comment"):
        if info.get(name) and info[name] != NO_RESOLUTION:
            extras[name] = info[name]
    if kept := {name: value for name, value in text.items() if name != XMP_IN_PNG}:
        extras["text"] = kept
    return extras


def for_pillow(extras: Extras, kind: str) -> dict[str, Any]:
    """Arguments of Pillow's ``save`` into a format, without the colour profile.

    Args:
        extras: of a picture, whichever library read it.
        kind: Pillow's name of the format.
    """
    if "attributes" in extras:
        extras = _from_attributes(extras["attributes"]) | extras
    fits = {
        "PNG": ("exif", "dpi"),
        "JPEG": ("exif", "dpi", "xmp", "comment"),
        "WEBP": ("exif", "xmp"),
        "AVIF": ("exif", "xmp"),
        "BMP": ("dpi",),
    }.get(kind, ())
    options = {name: extras[name] for name in fits if name in extras}
    if kind == "JPEG":  # a segment's length has 16 bits; what is longer has no room
        options = {name: value for name, value in options.items() if name == "dpi" or len(value) <= JPEG_SEGMENT}
    if kind == "PNG":
        info = PngInfo()
        for name, value in extras.get("text", {}).items():
            lang, translated = getattr(value, "lang", None), getattr(value, "tkey", None)
            if lang is not None or not value.isascii():
                info.add_itxt(name, value, lang or "", translated or "")
            else:
                info.add_text(name, value)
        if "xmp" in extras:
            info.add_itxt(XMP_IN_PNG, extras["xmp"].decode("utf-8", "replace"))
        options["pnginfo"] = info
    return options


def for_openimageio(extras: Extras) -> list[tuple[str, Any, Any]]:
    """(name, type, value) of each attribute; the type is None where the value says it."""
    if "attributes" in extras:
        return extras["attributes"]
    stream = io.BytesIO()
    Image.new("RGB", (1, 1)).save(stream, "JPEG", **for_pillow(extras, "JPEG"))
    texts = [(name, None, str(value)) for name, value in extras.get("text", {}).items()]
    return texts + _opened_by_openimageio(stream.getvalue())


def attributes_of(spec: Any) -> list[tuple[str, Any, Any]]:
    """What OpenImageIO found in a file and may be said of another one too."""
    return [(p.name, p.type, _in_an_alphabet(p.value)) for p in spec.extra_attribs if not _is_structure(p.name)]


def exif_of_tiff(path: Path) -> Extras:
    """EXIF of a TIFF file by way of Pillow, which reads more of it: "exif", and "attributes" of what that adds."""
    kept = Image.Exif()
    try:
        with Image.open(path, formats=("TIFF",)) as file:
            said = file.getexif()
            kept.update({tag: said[tag] for tag in WORDS if tag in said})
            for tag in INNER:
                if inner := said.get_ifd(tag):
                    kept.get_ifd(tag).update(inner)
            if not len(kept):
                return {}
            data = _written(kept)
            stream = io.BytesIO()
            Image.new("RGB", (1, 1)).save(stream, "JPEG", exif=data)
    except Exception:  # it is an addition: whatever is wrong with the file shows where its pixels are read
        return {}
    return {"exif": data, "attributes": _opened_by_openimageio(stream.getvalue())}


def set_attributes(spec: Any, attributes: list[tuple[str, Any, Any]]) -> None:
    """Put attributes on an OpenImageIO description; what it does not take is left out."""
    for name, kind, value in attributes:
        try:
            if kind is None or isinstance(value, str):
                spec.attribute(name, value)
            else:
                spec.attribute(name, kind, value)
        except (TypeError, ValueError, RuntimeError):  # types that it can read but not write
            continue


def exif_of_srgb(data: bytes) -> bytes:
    """EXIF of a picture whose values are sRGB's now: it says so, and no longer that they are Adobe RGB's."""
    exif = Image.Exif()
    exif.load(data)
    inner = exif.get_ifd(INNER[0])
    inner.pop(INTEROPERABILITY, None)
    if COLOUR_SPACE in inner:
        inner[COLOUR_SPACE] = 1
    return _written(exif)


class _AsItStood(str):
    """Text of EXIF, which is written with the bytes that it was read from; for these Pillow itself writes "?"."""

    def encode(self, encoding: str = "", errors: str = "") -> bytes:
        return super().encode("latin-1", "replace")


def _written(exif: Image.Exif) -> bytes:
    """EXIF as it is kept in files."""
    for directory in (exif, *(exif.get_ifd(tag) for tag in INNER)):
        for tag, value in list(directory.items()):
            if isinstance(value, str) and not value.isascii():
                directory[tag] = _AsItStood(value)
    return exif.tobytes()


def _in_an_alphabet(value: Any) -> Any:
    """Text that is not UTF-8, as older programs wrote it, taken for Latin-1."""
    if isinstance(value, str) and any(0xDC80 <= ord(letter) <= 0xDCFF for letter in value):
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value


def _is_structure(name: str) -> bool:
    return name in LAYOUT or name.startswith(STRUCTURE)


def _opened_by_openimageio(jpeg: bytes) -> list[tuple[str, Any, Any]]:
    oiio = find_openimageio()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "facts.jpg"
        path.write_bytes(jpeg)
        opened = oiio.ImageInput.open(str(path))
        return [] if opened is None else attributes_of(opened.spec())


def _from_attributes(attributes: list[tuple[str, Any, Any]]) -> Extras:
    oiio = find_openimageio()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "facts.jpg"
        spec = oiio.ImageSpec(1, 1, 3, oiio.UINT8)
        set_attributes(spec, attributes)
        made = oiio.ImageOutput.create(str(path))
        if made is None or not made.open(str(path), spec):
            return {}
        made.write_image(np.zeros((1, 1, 3), np.uint8))
        made.close()
        with Image.open(path) as file:
            return facts_of(file)
