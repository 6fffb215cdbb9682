"""The one way out for pictures: what came in goes out, as far as the format that was chosen has room for it."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError, RegHarmError
from ..store.files import replacing
from . import openimageio, pillow, png
from .facts import exif_of_srgb, for_openimageio
from .formats import PILLOW, WRITABLE, Format, format_of
from .library import find_openimageio
from .picture import Picture, put_back, raster_of
from .primaries import decode, encode
from .raster import LUMA, Raster, quantized

FLOATING: dict[int, Any] = {16: np.float16, 32: np.float32, 64: np.float64}
WHOLE: dict[int, Any] = {8: np.uint8, 10: np.uint16, 12: np.uint16, 16: np.uint16, 32: np.uint32}
# Attributes that speak of a space that was left.
COLOUR_FACTS = ("chromaticities", "colorInteropID", "Exif:ColorSpace", "Exif:InteroperabilityIndex")


def check_output(path: Path, picture: Picture) -> None:
    """Refuse, before any work, an output that could not hold the picture.

    Raises:
        InputError: on an unknown suffix, a missing folder or library, or an alpha that shows where the format has none.
    """
    kind = _format(path)
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder")
    if picture.alpha is not None and not kind.alpha and float(picture.alpha.min()) < 1:
        raise InputError(f"cannot write {path}: the picture has an alpha channel, which {path.suffix} cannot hold")
    raster = raster_of(picture)
    channels = len(raster.colour) + (raster.alpha is not None and kind.alpha)
    if not _is_for_pillow(kind, _type(kind, raster)[0], channels):
        find_openimageio(path)


def write_picture(path: Path, pixels: Tensor, like: Picture, *, source: Path | None = None) -> None:
    """Write 1 3 H W in the place of ``like.pixels``, with everything else that its file held; whole or not at all.

    Where the pixels are like's own, bit for bit, so are the values that are written, if the format holds values of
    that kind. WebP is written lossless, JPEG at quality 95; where nothing was changed, a JPEG or AVIF is copied
    instead. The file is made in memory first: not every encoder notices that the disk is full.

    Args:
        path: its suffix says the format.
        pixels: the result.
        like: the picture that it was made from.
        source: the file that it was made from; a new file gets its permissions, so that what was private stays so.

    Raises:
        InputError: as for :func:`check_output`.
        OSError: when it cannot be written.
    """
    check_output(path, like)
    kind = _format(path)
    raster = raster_of(like)
    with replacing(path, like=source) as temporary:  # around all of it: encoding writes files of its own, too
        if source is not None and kind.lossy and _is_same(kind, raster) and torch.equal(pixels, like.pixels):
            encoded = source.read_bytes()
        else:
            raster = _fitted(replace(raster, values=put_back(like, pixels)), kind, pixels)
            try:
                encoded = _encoded(path, kind, raster)
            except (RegHarmError, OSError, MemoryError):
                raise
            except Exception as error:  # encoders raise anything at all
                raise OSError(errno.EIO, " ".join(str(error).split())[:200] or type(error).__name__) from None
        temporary.write_bytes(encoded)


def _format(path: Path) -> Format:
    kind = format_of(path)
    if kind is None:
        raise InputError(f"cannot write {path}: the suffix must be one of {' '.join(WRITABLE)}")
    return kind


def _is_for_pillow(kind: Format, dtype: np.dtype[Any], channels: int) -> bool:
    """Whether Pillow can write such values: all 8-bit ones of its formats, and of 16 bits grey without an alpha."""
    return kind.library == PILLOW and (dtype.itemsize == 1 or channels == 1)


def _is_same(kind: Format, raster: Raster) -> bool:
    """Whether a raster comes from the format that is to be written."""
    return kind.name.lower() == {"mpo": "jpeg"}.get(raster.kind.lower(), raster.kind.lower())


def _type(kind: Format, raster: Raster) -> tuple[np.dtype[Any], int]:
    """The numbers that a format takes of a raster's kind, and bits a channel: none are lost where it has the room."""
    if raster.floating and kind.floating:
        bits = next((b for b in kind.floating if b >= raster.bits), kind.floating[-1])
    elif kind.whole:
        wanted = 16 if raster.floating else raster.bits
        bits = next((b for b in kind.whole if b >= wanted), kind.whole[-1])
        return np.dtype(WHOLE[bits]), bits
    else:
        bits = next((b for b in kind.floating if b >= (16 if raster.bits <= 8 else 32)), kind.floating[-1])
    return np.dtype(FLOATING[bits]), bits


def _fitted(raster: Raster, kind: Format, answer: Tensor) -> Raster:
    """The raster as the format can hold it; in the same kind of file it stays as it is."""
    dtype, bits = _type(kind, raster)
    same = _is_same(kind, raster)
    if same and raster.floating == (dtype.kind == "f"):  # PFM and PPM are of one kind, and are not
        linear = raster.linear  # what came in goes out, also where it was called linear
    else:
        linear = dtype.kind == "f" and raster.linear if kind.linear is None else kind.linear
    alpha = raster.alpha if kind.alpha else None  # without room for it, it is opaque everywhere
    associated = alpha is not None and (raster.associated if kind.associated is None else kind.associated)
    stays = raster.linear == linear and (
        raster.space is None or same or (kind.profile and "icc_profile" in raster.extras)
    )
    narrow = len(raster.colour) == 3 or (kind.grey and (alpha is None or kind.grey_alpha))
    if same and stays and narrow and dtype == raster.values.dtype and associated == raster.associated and kind.more:
        return raster
    extras = raster.extras
    if stays:
        colour = raster.straight() if raster.associated and not associated else raster.part(raster.colour)
    else:
        colour = _other_light(answer, raster, linear)
        extras = _without_colour(extras)
    if not narrow:
        colour, extras = np.repeat(colour, 3, axis=-1), _without_colour(extras)
    parts = [colour]
    if alpha is not None:
        parts.append(raster.part((alpha,)))
        if associated and not (raster.associated and stays):
            parts[0] = colour * parts[1]
    count = colour.shape[-1]
    return Raster(
        quantized(np.concatenate(parts, axis=-1), dtype),
        bits,
        tuple(range(count)),
        None if alpha is None else count,
        associated,
        linear,
        kind=raster.kind,
        extras=extras,
    )


def _other_light(answer: Tensor, raster: Raster, linear: bool) -> np.ndarray:
    """The result itself, H W 1 or 3, from linear light to sRGB's values or back."""
    shown = answer[0].detach().float().cpu().permute(1, 2, 0).numpy()
    if raster.linear and not linear:
        shown = encode(shown.clip(0, 1))
    elif linear and not raster.linear:
        shown = decode(shown.clip(0, 1))
    return shown @ np.array(LUMA, np.float32)[:, None] if len(raster.colour) == 1 else shown


def _without_colour(extras: dict[str, Any]) -> dict[str, Any]:
    """What is still true when the values are sRGB's."""
    kept = {name: value for name, value in extras.items() if name != "icc_profile"}
    if "exif" in kept:
        kept["exif"] = exif_of_srgb(kept["exif"])
    if "attributes" in kept:
        kept["attributes"] = [a for a in kept["attributes"] if a[0] not in COLOUR_FACTS]
    return kept


def _encoded(path: Path, kind: Format, raster: Raster) -> bytes:
    profile = raster.extras.get("icc_profile") if kind.profile else None
    channels = raster.values.shape[2]
    if _is_for_pillow(kind, raster.values.dtype, channels):
        return pillow.write(kind, raster.values, raster.extras, profile)
    if kind.library == PILLOW:  # Pillow's pictures have no 16-bit colour, its files' facts are complete
        facts = pillow.write(kind, np.zeros((1, 1, 1), np.uint8), raster.extras, profile)
        return png.with_facts(openimageio.write(kind, ".png", raster, {}), facts)
    extras = {"attributes": for_openimageio(raster.extras)}
    if profile:
        extras["icc_profile"] = profile
    return openimageio.write(kind, path.suffix.lower(), raster, extras)
