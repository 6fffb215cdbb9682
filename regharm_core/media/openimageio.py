"""OpenImageIO's part: TIFF of every kind, EXR, 16-bit PNG, DPX, JPEG XL, HDR and the rest, in and out."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from . import pillow
from .channels import coloured, described
from .facts import Extras, attributes_of, exif_of_tiff, facts_of, set_attributes
from .formats import Format
from .ink import rgb_of_ink
from .lab import rgb_of_lab
from .library import find_openimageio
from .pages import choose_page, fit_display_window, turn
from .quiet import quiet
from .raster import Raster, full_scale

MOST_CHANNELS = 64
SEVERAL = ("openexr", "psd")  # formats of which the first picture is the one that is meant
LOSSLESS = ("none", "lzw", "zip", "zips", "packbits", "rle", "piz")  # ways of packing that are kept
TYPES = {"f2": "half", "f4": "float", "f8": "double", "u1": "uint8", "u2": "uint16", "u4": "uint"}


def read(path: Path, check: pillow.Check) -> Raster:
    """Decode a file, upright.

    Raises:
        InputError: when OpenImageIO is absent or does not know the file, on several pages, and from ``check``.
    """
    oiio = find_openimageio(path)
    with quiet():
        opened = _open(oiio, path)
        if opened is None:
            raise InputError(f"not a picture that can be read: {path}")
        try:
            return _raster(oiio, path, opened, check)
        finally:
            opened.close()


def write(kind: Format, suffix: str, raster: Raster, extras: Extras) -> bytes:
    """A file of a raster's values, as they are; checked by reading it again.

    Args:
        kind: what is written.
        suffix: of the file's name.
        raster: its kind says in what format it was read.
        extras: "attributes" and "icc_profile" are written.

    Raises:
        OSError: saying why it cannot be done.
    """
    oiio = find_openimageio(f"a {suffix} file")
    values = np.ascontiguousarray(raster.values)
    spec = oiio.ImageSpec(values.shape[1], values.shape[0], values.shape[2], TYPES[values.dtype.str[1:]])
    set_attributes(spec, [a for a in extras.get("attributes", []) if _fits(a, raster.kind == kind.name)])
    if profile := extras.get("icc_profile"):
        spec.attribute("ICCProfile", oiio.TypeDesc(f"uint8[{len(profile)}]"), np.frombuffer(profile, np.uint8))
    spec.attribute("Orientation", 1)
    spec.attribute("tiff:half", 1)
    if len(raster.names) == values.shape[2] and kind.more:
        spec.channelnames = raster.names
        if raster.types:
            spec.channelformats = [oiio.TypeDesc(name) for name in raster.types]
    elif values.shape[2] == 2:  # unnamed, the alpha would be called G
        spec.channelnames = ("Y", "A")
    spec.alpha_channel = -1 if raster.alpha is None else raster.alpha
    if raster.alpha is not None and not raster.associated:
        spec.attribute("oiio:UnassociatedAlpha", 1)
    if raster.bits not in (8, 16, 32, 64) and not raster.floating:
        spec.attribute("oiio:BitsPerSample", raster.bits)
    with tempfile.TemporaryDirectory() as folder, quiet():
        path = Path(folder) / f"made{suffix}"
        made = oiio.ImageOutput.create(str(path))
        if made is None:
            raise OSError(oiio.geterror())
        if not (made.open(str(path), spec) and made.write_image(values) and made.close()):
            raise OSError(" ".join(made.geterror().split()) or "OpenImageIO refused")
        again = _open(oiio, path)  # not every encoder notices that the disk is full
        if again is None or again.read_image(oiio.UNKNOWN) is None or again.has_error:
            raise OSError("what OpenImageIO wrote cannot be read again")
        again.close()
        return path.read_bytes()


def _open(oiio: Any, path: Path, *, raw: bool = False) -> Any:
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)  # as it is stored, please
    if raw:
        config.attribute("oiio:RawColor", 1)
    opened = oiio.ImageInput.open(str(path), config)
    if opened is None:
        oiio.geterror()  # taken away, or it would be said about the next file
    return opened


def _raster(oiio: Any, path: Path, opened: Any, check: pillow.Check) -> Raster:
    kind = str(opened.format_name())
    page = choose_page(path, opened, first=kind in SEVERAL)
    opened.seek_subimage(page, 0)
    spec = opened.spec()
    check(max(spec.width, spec.full_width), max(spec.height, spec.full_height))
    if spec.deep:
        raise InputError(f"{path} is a deep picture, with several samples a pixel; flatten it first")
    if spec.nchannels > MOST_CHANNELS or spec.depth > 1:
        raise InputError(f"{path} has {spec.nchannels} channels and {spec.depth} layers; give one picture")
    extras = _extras(path, kind, spec)
    profile, notes = extras.pop("icc_profile", b""), list[str]()
    model = spec.get_string_attribute("tiff:ColorSpace")
    if model in ("CMYK", "color separated"):
        values, note = _inked(oiio, path, page, profile)
        notes.append(f"{path}: {note}")
    elif model == "CIELAB":
        values = _in_lab(oiio, path, page)
        notes.append(f"{path}: its CIE Lab became sRGB")
    else:
        values = _values(path, opened, page)
        if kind == "psd" and (raw := _open(oiio, path, raw=True)) and raw.spec().channelnames[0] == "C":
            notes.append(f"{path}: its CMYK became RGB, without its profile")
    orientation = spec.get_int_attribute("Orientation", 1)
    if kind == "dpx" and orientation >= 5:  # its lines are columns, and OpenImageIO names their sides as they are seen
        values = values.reshape(spec.width, spec.height, -1)
    values, outside = fit_display_window(spec, values)
    if outside:
        notes.append(f"{path}: what lies beyond its display window is left out")
    values = turn(values, orientation)
    if spec.get_int_attribute("tiff:PhotometricInterpretation", 1) == 0:
        values = _from_min_is_white(values)
    raster = replace(described(path, kind, spec, values), extras=extras, notes=tuple(notes))
    return coloured(raster, spec, profile)


def _values(path: Path, opened: Any, page: int) -> np.ndarray:
    """H W C of the file's own type."""
    oiio = find_openimageio()
    values = opened.read_image(page, 0, 0, opened.spec().nchannels, oiio.UNKNOWN)
    if values is None or opened.has_error:
        said = " ".join(opened.geterror().split())
        raise InputError(f"cannot read the picture {path}: {said[:200] or 'it is broken'}")
    return values[..., None] if values.ndim == 2 else values


def _inked(oiio: Any, path: Path, page: int, profile: bytes) -> tuple[np.ndarray, str]:
    """CMYK of a TIFF as H W 3; OpenImageIO's own conversion knows no profile."""
    raw = _open(oiio, path, raw=True)
    if raw is None or not raw.seek_subimage(page, 0) or tuple(raw.spec().channelnames) != ("C", "M", "Y", "K"):
        raise InputError(f"{path} holds inks other than CMYK; give it as RGB")
    values = _values(path, raw, page)
    raw.close()
    return rgb_of_ink(_of_8_or_16_bits(path, "CMYK", values), profile)


def _in_lab(oiio: Any, path: Path, page: int) -> np.ndarray:
    """CIE Lab of a TIFF as sRGB, H W 3; OpenImageIO's own conversion gives 8 bits under another white."""
    raw = _open(oiio, path, raw=True)
    if raw is None or not raw.seek_subimage(page, 0) or raw.spec().nchannels != 3:
        raise InputError(f"{path} holds more than CIE Lab; give it as RGB")
    values = _values(path, raw, page)
    raw.close()
    return rgb_of_lab(_of_8_or_16_bits(path, "CIE Lab", values))


def _of_8_or_16_bits(path: Path, what: str, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "u" or values.dtype.itemsize > 2:
        raise InputError(f"{path} holds {what} as {values.dtype}; give 8 or 16 bits a channel")
    return values


def _from_min_is_white(values: np.ndarray) -> np.ndarray:
    """Grey of which 0 is white. OpenImageIO turns 8 bits around, an alpha with them, and no others."""
    turned, rest = values[..., :1], values[..., 1:]
    if values.dtype == np.uint8:
        rest = 255 - rest
    elif values.dtype.kind in "uf":
        turned = values.dtype.type(full_scale(values.dtype)) - turned
    return np.concatenate([turned, rest], axis=-1)


def _extras(path: Path, kind: str, spec: Any) -> Extras:
    profile = spec.getattribute("ICCProfile")
    found: Extras = {} if profile is None else {"icc_profile": bytes(bytearray(profile))}
    if kind == "png":  # text in its own alphabet, and all of EXIF
        file = pillow.open_known(path)
        if file is not None:
            with file:
                return facts_of(file) | found
    own = attributes_of(spec)
    more = exif_of_tiff(path) if kind == "tiff" else {}
    known = {name for name, *_ in own}
    return more | found | {"attributes": own + [a for a in more.get("attributes", []) if a[0] not in known]}


def _fits(attribute: tuple[str, Any, Any], same_format: bool) -> bool:
    """Whether an attribute may go along: the manner of packing only into the same format, and without loss."""
    name, _, value = attribute
    if name in ("compression", "planarconfig"):
        return same_format and (name == "planarconfig" or str(value).split(":")[0] in LOSSLESS)
    return True
