"""TIFF as scanners and scientists write it, by tifffile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from regharm_core.media.raster import full_scale

from .profiles import lab_to_srgb
from .row import Row, scene, turned

WRITER = "tifffile"


def plain(what: str, values: np.ndarray, **options: Any) -> Row:
    """Values as they are."""
    options.setdefault("photometric", "rgb" if values.shape[2] >= 3 else "minisblack")

    def write(path: Path) -> np.ndarray:
        tifffile.imwrite(path, values[..., 0] if values.shape[2] == 1 else values, **options)
        return values

    return Row(what, WRITER, f"{what}.tif".replace(" ", "_").replace(",", "").replace("/", "_"), write)


def separate(dtype: Any) -> Row:
    """A plane a colour."""
    values = scene(dtype)

    def write(path: Path) -> np.ndarray:
        tifffile.imwrite(path, np.moveaxis(values, 2, 0), photometric="rgb", planarconfig="separate")
        return values

    return Row(f"TIFF, {np.dtype(dtype).name}, separate planes", WRITER, f"separate_{np.dtype(dtype).name}.tif", write)


def min_is_white(dtype: Any, channels: int = 1) -> Row:
    """Grey whose 0 is white, with and without an alpha."""
    values = scene(dtype, channels)
    stored = values.copy()
    stored[..., 0] = full_scale(values.dtype) - stored[..., 0]
    options = {"extrasamples": ["unassalpha"]} if channels == 2 else {}
    name = f"{np.dtype(dtype).name}{' with alpha' if channels == 2 else ''}"

    def write(path: Path) -> np.ndarray:
        tifffile.imwrite(path, stored if channels == 2 else stored[..., 0], photometric="miniswhite", **options)
        return values

    steps = 0.01 if values.dtype.kind == "f" else 0.0  # 1 less what was written
    return Row(f"TIFF, grey {name}, 0 is white", WRITER, f"white_{name.replace(' ', '_')}.tif", write, steps=steps)


def oriented(orientation: int, dtype: Any) -> Row:
    """Stored turned, with the tag that says so."""
    values = scene(dtype)
    stored = turned(values, orientation)
    name = np.dtype(dtype).name

    def write(path: Path) -> np.ndarray:
        tifffile.imwrite(path, stored, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
        return values

    return Row(f"TIFF, {name}, orientation {orientation}", WRITER, f"turned{orientation}_{name}.tif", write)


def alpha(kind: str, dtype: Any, what: str) -> Row:
    """A fourth channel of which the file says what it is."""
    values = scene(dtype, 4)
    if values.dtype.kind == "f":
        values[..., 3] = values[..., 3].clip(0, 1)
    if kind == "assocalpha":
        opacity = values[..., 3:].astype(np.float64) / (1.0 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max)
        values = np.concatenate([(values[..., :3] * opacity).astype(dtype), values[..., 3:]], axis=-1)
    row = plain(f"TIFF, RGBA {np.dtype(dtype).name}, alpha {what}", values, extrasamples=[kind])
    if kind != "unspecified":
        return replace(row, associated=kind == "assocalpha")

    def write(path: Path) -> np.ndarray:
        row.write(path)
        return values[..., :3]  # the fourth is kept, but not taken for an alpha

    return Row(row.what, WRITER, row.file, write)


def grey_and_more(path: Path) -> np.ndarray:
    """A second channel of which the file does not say what it is, as painting programs keep a selection."""
    values = scene("uint16", 2)
    tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig", extrasamples=["unspecified"])
    return values[..., :1]


def with_thumbnail(first: bool) -> Row:
    """A smaller copy in a page of its own."""
    values = scene(np.uint16)
    small = (values[::4, ::4] // 256).astype(np.uint8)

    def write(path: Path) -> np.ndarray:
        with tifffile.TiffWriter(path) as file:
            for page, kind in ((small, 1), (values, 0)) if first else ((values, 0), (small, 1)):
                file.write(page, photometric="rgb", subfiletype=kind)
        return values

    place = "before" if first else "behind"
    return Row(f"TIFF, uint16, a thumbnail {place} the picture", WRITER, f"thumbnail_{place}.tif", write)


def with_other_pages(path: Path) -> np.ndarray:
    """A square thumbnail, and a page that is the picture's mask and as large."""
    with tifffile.TiffWriter(path) as file:
        file.write(scene()[:39, :39], photometric="rgb", subfiletype=1)
        file.write(scene("uint16"), photometric="rgb")
        file.write(scene(channels=1)[..., 0] > 100, photometric="mask", subfiletype=4)
    return scene("uint16")


def two_pages(path: Path) -> None:
    """Two pictures of one size."""
    with tifffile.TiffWriter(path) as file:
        file.write(scene(), photometric="rgb")
        file.write(scene(), photometric="rgb")


def inks(dtype: Any) -> Row:
    """CMYK without a profile, as the plain formula has it."""
    ink = scene(dtype, 4)
    full = np.iinfo(dtype).max
    paper = 1 - ink.astype(np.float64) / full
    name = np.dtype(dtype).name

    def write(path: Path) -> np.ndarray:
        tifffile.imwrite(path, ink, photometric="separated")
        return (paper[..., :3] * paper[..., 3:] * full).round().astype(dtype)

    return Row(f"TIFF, CMYK {name}, no profile", WRITER, f"ink_{name}.tif", write, steps=1)


def lab(dtype: Any, **options: Any) -> Row:
    """CIE Lab, in which a and b have a sign."""
    values = scene(dtype).astype(np.int64)
    half = (np.iinfo(dtype).max + 1) // 2
    values[..., 1:] = (values[..., 1:] - half) // 4  # colours that sRGB has
    stored = values.astype(dtype)  # the sign as the highest bit

    def write(path: Path) -> np.ndarray:
        given = np.moveaxis(stored, 2, 0) if options else stored
        tifffile.imwrite(path, given, photometric="cielab", **options)
        made = [lab_to_srgb(*pixel, half) for pixel in values.reshape(-1, 3).tolist()]
        return (np.array(made).reshape(values.shape) * np.iinfo(dtype).max).round().astype(dtype)

    name = f"{np.dtype(dtype).name}{', separate planes' if options else ''}"
    file = f"lab_{name.replace(', ', '_').replace(' ', '_')}.tif"
    return Row(f"TIFF, CIE Lab {name}", WRITER, file, write, steps=1 if dtype == "uint8" else 16)  # of 65,535


def five_inks(path: Path) -> None:
    """Ink with an alpha, at 16 bits."""
    values = np.concatenate([scene("uint16", 4), scene("uint16", 1)], axis=-1)
    tifffile.imwrite(path, values, photometric="separated", extrasamples=["unassalpha"])


def palette(path: Path) -> np.ndarray:
    """256 colours."""
    numbers = scene(channels=1)[..., 0]
    colours = np.random.default_rng(1).integers(0, 256, (3, 256)).astype(np.uint16)
    tifffile.imwrite(path, numbers, photometric="palette", colormap=colours * 257)
    return colours.T[numbers].astype(np.uint8)


def whole_numbers(path: Path) -> np.ndarray:
    """16 bits kept in 32 with a sign, as Pillow's mode "I" and many scripts do."""
    values = scene(np.uint16, 1)
    tifffile.imwrite(path, values[..., 0].astype(np.int32))
    return values


def black_and_white(path: Path) -> np.ndarray:
    """One bit."""
    bits = scene(channels=1)[..., 0] > 120
    tifffile.imwrite(path, bits, photometric="minisblack")
    return bits[..., None].astype(np.uint8) * 255


def below_zero(path: Path) -> None:
    """16 bits with a sign."""
    tifffile.imwrite(path, scene(np.uint16).astype(np.int32).clip(0, 60000).astype(np.int16), photometric="rgb")


def not_finite(path: Path) -> None:
    """One pixel that is no number."""
    values = scene(np.float32)
    values[5, 5] = np.nan
    tifffile.imwrite(path, values, photometric="rgb")


TYPES = ("uint8", "uint16", "uint32", "float16", "float32", "float64")

ROWS = [
    *(plain(f"TIFF, RGB {name}", scene(name)) for name in TYPES),
    *(plain(f"TIFF, grey {name}", scene(name, 1)) for name in TYPES),
    *(plain(f"TIFF, grey with alpha {name}", scene(name, 2), extrasamples=["unassalpha"]) for name in TYPES[:2]),
    *(separate(name) for name in ("uint8", "uint16", "float32")),
    *(min_is_white(*of) for of in (("uint8",), ("uint16",), ("uint32",), ("float32",), ("uint8", 2), ("uint16", 2))),
    *(oriented(n, "uint16") for n in range(1, 9)),
    *(oriented(n, name) for n, name in ((6, "uint8"), (3, "float16"), (8, "float32"))),
    *(alpha("unassalpha", name, "beside the colour") for name in ("uint8", "uint16")),
    *(alpha("assocalpha", name, "in the colour") for name in ("uint8", "uint16", "float32")),
    alpha("unspecified", "uint16", "not called one"),
    Row("TIFF, grey uint16 with a channel that nobody named", WRITER, "grey_and_more.tif", grey_and_more),
    with_thumbnail(True),
    with_thumbnail(False),
    Row("TIFF, uint16, pages that are a thumbnail and a mask", WRITER, "pages_of_one.tif", with_other_pages),
    inks("uint8"),
    inks("uint16"),
    lab("uint8"),
    lab("uint16"),
    lab("uint16", planarconfig="separate"),
    plain("TIFF, RGB uint16, tiles in a BigTIFF", scene("uint16"), tile=(16, 16), bigtiff=True),
    plain("TIFF, RGB uint16, packed with prediction", scene("uint16"), compression="zlib", predictor=True),
    plain("TIFF, RGB uint16, big-endian", scene("uint16"), byteorder=">"),
    Row("TIFF, palette", WRITER, "palette.tif", palette),
    Row("TIFF, grey of 16 bits in 32 with a sign", WRITER, "signed.tif", whole_numbers),
    Row("TIFF, one bit", WRITER, "bit.tif", black_and_white),
    Row("TIFF, two pages", WRITER, "pages.tif", two_pages, "holds 2 frames"),
    Row("TIFF, CMYK uint16 with alpha", WRITER, "five.tif", five_inks, "inks other than CMYK"),
    Row("TIFF, int16", WRITER, "int16.tif", below_zero, "with a sign"),
    Row("TIFF, float32 with NaN", WRITER, "nan.tif", not_finite, "1 pixels that are not finite"),
]  # fmt: skip
