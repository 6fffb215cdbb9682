"""16 bits a channel, which Pillow reads in grey only: OpenCV (the extra "cli") reads and writes colour."""

from __future__ import annotations

import importlib
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import InputError

BITS_PER_SAMPLE, PROFILE = 258, 34675  # tags of TIFF
UNDEFINED = 7  # TIFF's type for bytes


def bits(path: Path, file: Image.Image) -> int:
    """8 or 16 bits a channel: Pillow opens 16-bit colour as 8-bit, so the file itself is asked."""
    if file.mode.startswith("I"):
        return 16
    if file.format == "PNG":
        with path.open("rb") as raw:
            return 16 if raw.read(25)[24:] == b"\x10" else 8
    found: Any = getattr(file, "tag_v2", {}).get(BITS_PER_SAMPLE, (8,))
    return 16 if max(found if isinstance(found, tuple) else (found,)) == 16 else 8


def grey(path: Path, file: Image.Image) -> np.ndarray:
    """H W 1 of uint16, from what Pillow opens as 16 or 32 bits.

    Raises:
        InputError: on values that need more than 16 bits.
    """
    values = np.asarray(file)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise InputError(f"{path} holds values from {values.min()} to {values.max()}; give 8 or 16 bits a channel")
    return values.astype(np.uint16)[..., None]


def decode(path: Path) -> np.ndarray:
    """H W C of uint16, as stored: no orientation is applied.

    Raises:
        InputError: when the file is broken or OpenCV is absent.
    """
    opencv = _opencv(path)
    values = opencv.imdecode(np.fromfile(path, np.uint8), opencv.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16:
        raise InputError(f"cannot read the 16-bit picture {path}")
    return _swapped(values) if values.ndim == 3 else values[..., None]


def encode(path: Path, values: np.ndarray, profile: bytes | None) -> bytes:
    """A PNG or TIFF file, whichever ``path`` is called, of H W C uint16 with its colour profile.

    Raises:
        InputError: when OpenCV is absent or refuses.
    """
    done, made = _opencv(path).imencode(path.suffix.lower(), np.ascontiguousarray(_swapped(values)))
    if not done:
        raise InputError(f"cannot write {path}: OpenCV refused")
    data = made.tobytes()
    if profile is None:
        return data
    return _png_with(data, profile) if data.startswith(b"\x89PNG") else _tiff_with(data, profile)


def _png_with(data: bytes, profile: bytes) -> bytes:
    """An iCCP chunk behind the header, which takes the first 33 bytes."""
    body = b"iCCP" + b"ICC profile\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]


def _tiff_with(data: bytes, profile: bytes) -> bytes:
    """The profile and a directory that lists it appended; the old directory stays as unused bytes."""
    order = "<" if data.startswith(b"II") else ">"
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    entries = [data[start + 2 + 12 * n : start + 14 + 12 * n] for n in range(count)]
    data += b"\0" * (len(data) % 2)
    entries.append(struct.pack(order + "HHII", PROFILE, UNDEFINED, len(profile), len(data)))
    entries.sort(key=lambda entry: struct.unpack_from(order + "H", entry)[0])
    data += profile + b"\0" * (len(profile) % 2)
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries) + struct.pack(order + "I", 0)
    return data[:4] + struct.pack(order + "I", len(data)) + data[8:] + directory


def _swapped(values: np.ndarray) -> np.ndarray:
    """RGB to OpenCV's BGR and back, alpha left in its place."""
    return values[..., [2, 1, 0, *range(3, values.shape[2])]]


def _opencv(path: Path) -> Any:
    try:
        return importlib.import_module("cv2")
    except ImportError:
        raise InputError(f"{path} has 16 bits a channel; reading and writing it needs opencv-python-headless") from None
