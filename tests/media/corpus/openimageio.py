"""What compositing programs write, by OpenImageIO."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from .profiles import DISPLAY_P3, LINEAR_PROFILE, P3_PROFILE, shown_as_srgb
from .row import Row, scene, turned

WRITER = "OpenImageIO"
TYPES = {"uint8": "uint8", "uint16": "uint16", "float16": "half", "float32": "float"}
ACES = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
# ACES2065-1 to linear Rec. 709, Bradford adapted, as the ACES project prints it (to four places).
ACES_TO_REC709 = np.array([[2.5217, -1.1341, -0.3876], [-0.2765, 1.3728, -0.0963], [-0.0154, -0.1530, 1.1684]])


def saved(path: Path, values: np.ndarray, **options: Any) -> None:
    """H W C with attributes; "__" stands for ":" in their names, and some belong to the description itself."""
    spec = oiio.ImageSpec(values.shape[1], values.shape[0], values.shape[2], TYPES[values.dtype.name])
    for name, value in options.items():
        if name in ("channelnames", "alpha_channel", "x", "y", "full_x", "full_y", "full_width", "full_height"):
            setattr(spec, name, value)
        elif isinstance(value, bytes):
            spec.attribute(name, oiio.TypeDesc(f"uint8[{len(value)}]"), np.frombuffer(value, np.uint8))
        elif isinstance(value, tuple):
            spec.attribute(name, oiio.TypeDesc(f"float[{len(value)}]"), value)
        else:
            spec.attribute(name.replace("__", ":"), value)
    made = oiio.ImageOutput.create(str(path))
    assert made.open(str(path), spec) and made.write_image(np.ascontiguousarray(values)) and made.close()


def plain(
    what: str,
    file: str,
    values: np.ndarray,
    *,
    steps: float = 0.0,
    shown: Callable[[np.ndarray], np.ndarray] | None = None,
    **options: Any,
) -> Row:
    """Values as they are."""

    def write(path: Path) -> np.ndarray:
        saved(path, values, **options)
        return values

    return Row(what, WRITER, file, write, steps=steps, shown=shown)


def film_as_srgb(values: np.ndarray) -> np.ndarray:
    """Kodak's formula for 10-bit codes: 95 is black, 685 is white, 0.002 of density each, the film's contrast 0.6."""
    codes = values / 65535 * 1023
    light = (10 ** ((codes - 685) * 0.002 / 0.6) - 10 ** ((95 - 685) * 0.002 / 0.6)) / (
        1 - 10 ** ((95 - 685) * 0.002 / 0.6)
    )
    return srgb_of(light.clip(0, 1))


def light_as_srgb(values: np.ndarray) -> np.ndarray:
    """Linear light in whole numbers."""
    return srgb_of(values / 65535)


def srgb_of(light: np.ndarray) -> np.ndarray:
    """The standard's curve."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


def associated(dtype: Any) -> np.ndarray:
    """RGBA whose colour is multiplied by an alpha, 0 in places."""
    values = scene(dtype, 4)
    values[..., 3] = values[..., 3].clip(0, 1)
    values[:8, :, 3] = 0
    values[..., :3] *= values[..., 3:]
    values[:4, :, 0] = 0.5  # light without a surface
    return values


def more_channels(path: Path) -> np.ndarray:
    """Depth and a second layer beside the picture."""
    values = np.concatenate([scene("float16", 4)[..., :3], scene("float16", 3)], axis=-1)
    saved(path, values, channelnames=("Z", "R", "G", "B", "light.R", "light.G"))
    return values[..., 1:4]


def two_parts(path: Path) -> np.ndarray:
    """A picture and its depth in parts of their own."""
    values = scene("float16")
    first = oiio.ImageSpec(values.shape[1], values.shape[0], 3, "half")
    second = oiio.ImageSpec(values.shape[1], values.shape[0], 1, "half")
    second.channelnames = ("Z",)
    first.attribute("name", "beauty")
    second.attribute("name", "depth")
    made = oiio.ImageOutput.create(str(path))
    assert made.open(str(path), (first, second)) and made.write_image(values)
    assert made.open(str(path), second, "AppendSubimage") and made.write_image(values[..., :1].copy()) and made.close()
    return values


def in_a_frame(path: Path) -> np.ndarray:
    """Pixels for a part of the frame only."""
    values = scene("float16")
    saved(path, values, x=5, y=3, full_x=0, full_y=0, full_width=70, full_height=50)
    frame = np.zeros((50, 70, 3), np.float16)
    frame[3 : 3 + values.shape[0], 5 : 5 + values.shape[1]] = values
    return frame


def deep(path: Path) -> None:
    """Several samples a pixel."""
    made = oiio.ImageBufAlgo.deepen(oiio.ImageBuf(scene("float32", 4)))
    assert made.write(str(path))


def dpx_turned(orientation: int, bits: int) -> Row:
    """The tag alone is written; the pixels lie in the file as they are given."""
    values = scene() if bits == 8 else packed(bits) if bits < 16 else scene("uint16")

    def write(path: Path) -> np.ndarray:
        stored = turned(values, orientation)
        saved(path, stored, oiio__BitsPerSample=bits)
        data = bytearray(path.read_bytes())
        order = "<" if data[:4] == b"XPDS" else ">"
        # SMPTE 268M: at 768 the orientation, at 772 pixels a line and at 776 lines stay those of the file.
        struct.pack_into(f"{order}H", data, 768, (0, 1, 3, 2, 4, 5, 7, 6)[orientation - 1])
        path.write_bytes(data)
        return values

    what, file = f"DPX, {bits} bits, orientation {orientation}", f"turned{orientation}_{bits}.dpx"
    return Row(what, WRITER, file, write, steps=0 if bits in (8, 16) else 0.2)


def only_depth(path: Path) -> None:
    """No colour at all."""
    saved(path, scene("float32", 1), channelnames=("Z",))


def p3(path: Path) -> np.ndarray:
    """A wide gamut at 16 bits."""
    saved(path, scene("uint16"), ICCProfile=P3_PROFILE)
    return scene("uint16")


def packed(bits: int) -> np.ndarray:
    """Values of 10 or 12 bits, spread over 16."""
    few = scene("uint16") >> (16 - bits)
    return (few.astype(np.float64) * 65535 / (2**bits - 1)).round().astype(np.uint16)


ROWS = [
    plain("PNG, RGB uint16", "rgb16.png", scene("uint16")),
    plain("PNG, RGBA uint16", "rgba16.png", scene("uint16", 4), oiio__UnassociatedAlpha=1),
    Row("PNG, RGB uint16, Display P3", WRITER, "p3_16.png", p3,
        shown=lambda v: shown_as_srgb(v / 65535, DISPLAY_P3, None)),
    plain("EXR, half", "half.exr", scene("float16")),
    plain("EXR, float", "float.exr", scene("float32")),
    plain("EXR, grey half", "grey.exr", scene("float16", 1)),
    replace(plain("EXR, half with alpha", "alpha.exr", associated("float16")), associated=True),
    plain("EXR, half, packed with loss", "dwaa.exr", scene("float16"), steps=4000, compression="dwaa"),
    plain("EXR, a layer", "layer.exr", scene("float16"), channelnames=("sky.R", "sky.G", "sky.B")),
    Row("EXR, half with depth and a layer", WRITER, "more.exr", more_channels),
    Row("EXR, two parts", WRITER, "parts.exr", two_parts),
    Row("EXR, a part of its frame", WRITER, "frame.exr", in_a_frame),
    Row("EXR, ACES", WRITER, "aces.exr", lambda p: saved(p, scene("float16"), chromaticities=ACES) or scene("float16"),
        shown=lambda v: v.astype(np.float32) @ ACES_TO_REC709.T),
    Row("EXR, deep", WRITER, "deep.exr", deep, "deep picture"),
    Row("EXR, depth alone", WRITER, "depth.exr", only_depth, "no colour among its channels"),
    plain("TIFF, RGB float with a linear profile", "linear.tif", scene("float32"), ICCProfile=LINEAR_PROFILE),
    plain("TIFF, RGB uint16, 12 bits", "twelve.tif", packed(12), steps=0.2, oiio__BitsPerSample=12),
    plain("DPX, 8 bits", "eight.dpx", scene()),
    plain("DPX, 10 bits", "ten.dpx", packed(10), steps=0.2, oiio__BitsPerSample=10),
    plain("DPX, 12 bits", "twelve.dpx", packed(12), steps=0.2, oiio__BitsPerSample=12),
    plain("DPX, 16 bits", "sixteen.dpx", scene("uint16")),
    plain("DPX, 10 bits, a film's density", "film.dpx", packed(10), steps=0.2, shown=film_as_srgb,
          oiio__BitsPerSample=10, oiio__ColorSpace="KodakLog"),
    plain("DPX, 16 bits, linear light", "light.dpx", scene("uint16"), shown=light_as_srgb, oiio__ColorSpace="Linear"),
    *(dpx_turned(n, bits) for n, bits in ((2, 8), (3, 10), (4, 16), (5, 8), (6, 10), (7, 12), (8, 16))),
    plain("JPEG XL, RGB", "rgb.jxl", scene()),
    plain("JPEG XL, RGB uint16", "rgb16.jxl", scene("uint16")),
    plain("JPEG XL, RGBA", "rgba.jxl", scene(channels=4), oiio__UnassociatedAlpha=1),
    plain("JPEG XL, float", "float.jxl", scene("float32").clip(0)),
    plain("JPEG 2000, RGB uint16", "rgb16.jp2", scene("uint16")),
    plain("JPEG 2000, RGBA uint16", "rgba16.jp2", scene("uint16", 4), oiio__UnassociatedAlpha=1),
    plain("HDR, 8 bits of each colour and a common exponent", "light.hdr", scene("float32").clip(0.25), steps=1024),
    plain("PFM", "light.pfm", scene("float32")),
    plain("PPM, uint16", "rgb16.ppm", scene("uint16")),
    plain("PGM, grey uint16", "grey16.pgm", scene("uint16", 1)),
    plain("TGA, RGBA", "drawn.tga", scene(channels=4), oiio__UnassociatedAlpha=1),
    plain("SGI, RGB", "rgb.sgi", scene()),
]  # fmt: skip
