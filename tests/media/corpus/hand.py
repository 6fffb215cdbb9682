"""Files written byte by byte, after the formats' own documents, and what is no picture at all."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from .row import Row, scene

WRITER = "bytes"


def merged(path: Path, planes: np.ndarray, mode: int) -> None:
    """A PSD of no layers: header, three empty blocks, planes (Adobe Photoshop File Formats Specification)."""
    count, height, width = planes.shape
    depth = 8 * planes.dtype.itemsize
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, count, height, width, depth, mode) + struct.pack(">IIIH", 0, 0, 0, 0)
    path.write_bytes(head + planes.astype(planes.dtype.newbyteorder(">")).tobytes())


def see_through(what: str, file: str, values: np.ndarray) -> Row:
    """A merged picture with transparency, which Photoshop keeps laid on white: one layer, counted as -1."""
    count = values.shape[2]
    alpha = values[..., -1:] / 255
    planes = np.moveaxis(np.append(values[..., :-1] * alpha + 255 * (1 - alpha), values[..., -1:], axis=2), 2, 0)

    def write(path: Path) -> np.ndarray:
        record = struct.pack(">4iH", 0, 0, 1, 1, count)
        record += b"".join(struct.pack(">hI", channel, 3) for channel in range(-1, count - 1))
        record += b"8BIMnorm" + bytes([255, 0, 0, 0]) + struct.pack(">3I", 12, 0, 0) + bytes(4)
        layers = struct.pack(">h", -1) + record + count * b"\0\0\x80"
        layers += bytes(len(layers) % 2)
        layers = struct.pack(">I", len(layers)) + layers + bytes(4)
        merged(path, planes.round().astype(np.uint8), 3 if count == 4 else 1)
        whole = path.read_bytes()
        path.write_bytes(whole[:34] + struct.pack(">I", len(layers)) + layers + whole[38:])
        return values

    return Row(what, WRITER, file, write, steps=6)  # what is thin was rounded before it was laid on white


def psd(what: str, file: str, values: np.ndarray, mode: int) -> Row:
    """A merged picture."""

    def write(path: Path) -> np.ndarray:
        merged(path, np.moveaxis(values, 2, 0), mode)
        return values

    return Row(what, WRITER, file, write)


def psd_of_inks(path: Path) -> np.ndarray:
    """CMYK, in which 255 is no ink."""
    ink = scene(channels=4)
    merged(path, 255 - np.moveaxis(ink, 2, 0), 4)
    paper = 1 - ink / 255
    return (paper[..., :3] * paper[..., 3:] * 255).round().astype(np.uint8)


def grey_and_more(path: Path) -> np.ndarray:
    """Grey with a channel of which nothing is said."""
    merged(path, np.moveaxis(scene(channels=2), 2, 0), 1)
    return scene(channels=1)


def content(what: str, file: str, data: bytes, line: str) -> Row:
    """A file that is to be refused."""
    return Row(what, WRITER, file, lambda path: None if path.write_bytes(data) else None, line)


HEIC = struct.pack(">I", 24) + b"ftypheic" + b"\0\0\0\0" + b"mif1heic" + b"\0" * 64

ROWS = [
    psd("PSD, RGB", "rgb.psd", scene(), 3),
    psd("PSD, RGB uint16", "rgb16.psd", scene(np.uint16), 3),
    psd("PSD, grey", "grey.psd", scene(channels=1), 1),
    Row("PSD, grey with a second channel", WRITER, "grey2.psd", grey_and_more),
    see_through("PSD, RGBA", "rgba.psd", scene(channels=4)),
    Row("PSD, CMYK", WRITER, "ink.psd", psd_of_inks, steps=1),
    content("HEIC", "phone.heic", HEIC, "pip install pillow-heif"),
    content("a camera's raw file", "raw.cr2", b"II*\0" + b"\0" * 200, "develop it first"),
    content("text called .png", "text.png", b"hello", "not a picture"),
    content("text called .tif", "text.tif", b"hello" * 50, "not a picture"),
    content("text called .exr", "text.exr", b"hello" * 50, "not a picture"),
    content("an empty file", "empty.tif", b"", "is empty"),
    content("a PDF", "page.pdf", b"%PDF-1.7\n" + b" " * 200, "not a picture"),
    content(
        "a script called .eps", "script.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"
    ),
]
