"""What phones, browsers and painting programs write, by Pillow."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from .profiles import ADOBE_PROFILE, ADOBE_RGB, DISPLAY_P3, P3_PROFILE, ink_profile, shown_as_srgb
from .row import Row, scene, turned

WRITER = "Pillow"
BEST = {"quality": 100, "subsampling": 0}
LOSSY = 6.0  # steps of 255 by which JPEG's best quality may be off, with noise
ADOBE_GAMMA = 563 / 256


def picture(values: np.ndarray) -> Image.Image:
    """H W 1..4 as an image."""
    return Image.fromarray(values[..., 0] if values.shape[2] == 1 else values)


def plain(what: str, file: str, values: np.ndarray, *, steps: float = 0.0, **options: Any) -> Row:
    """Values as they are."""

    def write(path: Path) -> np.ndarray:
        picture(values).save(path, **options)
        return values

    return Row(what, WRITER, file, write, steps=steps)


def oriented(file: str, orientation: int, *, steps: float = 0.0, **options: Any) -> Row:
    """Stored turned, as cameras do, with the EXIF that says so."""
    values = scene()

    def write(path: Path) -> np.ndarray:
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture(turned(values, orientation)).save(path, exif=exif, **options)
        return values

    kind = Path(file).suffix[1:].upper()
    return Row(f"{kind}, orientation {orientation}", WRITER, file, write, steps=steps)


def palette(path: Path, **options: Any) -> np.ndarray:
    """Eight colours, perhaps one of them transparent."""
    numbers = scene(channels=1)[..., 0] // 32
    colours = np.random.default_rng(2).integers(0, 256, (8, 3)).astype(np.uint8)
    drawn = Image.frombytes("P", numbers.shape[::-1], numbers.tobytes())
    drawn.putpalette(colours.tobytes())
    drawn.save(path, **options)
    values = colours[numbers]
    if "transparency" not in options:
        return values
    alpha = np.where(numbers == options["transparency"], 0, 255).astype(np.uint8)
    return np.dstack([values, alpha])


def hidden(path: Path, **options: Any) -> np.ndarray:
    """Colours under an alpha of 0."""
    values = scene(channels=4)
    values[:20, :, 3] = 0
    picture(values).save(path, **options)
    return values


def one_bit(path: Path) -> np.ndarray:
    """Black and white."""
    bits = scene(channels=1) > 120
    Image.fromarray(bits[..., 0]).save(path)
    return bits.astype(np.uint8) * 255


def named_colour_is_clear(path: Path) -> np.ndarray:
    """PNG's oldest transparency: one colour stands for none."""
    values = scene()
    Image.fromarray(values).save(path, transparency=tuple(int(v) for v in values[3, 4]))
    alpha = np.where((values == values[3, 4]).all(-1), 0, 255).astype(np.uint8)
    return np.dstack([values, alpha])


def inks(path: Path, **options: Any) -> np.ndarray:
    """CMYK, with a profile or without."""
    ink = Image.frombytes("CMYK", scene().shape[1::-1], scene(channels=4).tobytes())
    profile = options.get("icc_profile")
    ink.save(path, **options)
    if profile is None:
        paper = 1 - scene(channels=4) / 255
        return (paper[..., :3] * paper[..., 3:] * 255).round().astype(np.uint8)
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    made = ImageCms.profileToProfile(ink, source, target, ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB")
    return np.asarray(made)


def several(path: Path, **options: Any) -> np.ndarray:
    """A camera's file with a smaller second picture."""
    picture(scene()).save(path, "MPO", save_all=True, append_images=[picture(scene()[::2, ::2])], **options)
    return scene()


def frames(path: Path) -> None:
    """An animation."""
    first = picture(scene())
    first.save(path, save_all=True, append_images=[first.rotate(90), first.rotate(180)], duration=100)


def wide(
    what: str, file: str, profile: bytes, primaries: tuple[float, ...], gamma: float | None, **options: Any
) -> Row:
    """A picture of a wide gamut, with colours that sRGB has not."""
    values = scene()
    values[:10, :10] = (10, 250, 20)
    steps = LOSSY if file.endswith("jpg") else 0.0

    def write(path: Path) -> np.ndarray:
        picture(values).save(path, icc_profile=profile, **options)
        return values

    return Row(what, WRITER, file, write, steps=steps, shown=lambda v: shown_as_srgb(v / 255, primaries, gamma))


def adobe_rgb_of_a_camera(path: Path) -> np.ndarray:
    """No profile; EXIF says "R03"."""
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA001: 65535, 0xA005: {1: "R03", 2: b"0100"}})
    picture(scene()).save(path, exif=exif, **BEST)
    return np.asarray(Image.open(path))


ROWS = [
    Row("PNG, one bit", WRITER, "bit.png", one_bit),
    plain("PNG, grey", "grey.png", scene(channels=1)),
    plain("PNG, grey with alpha", "grey_alpha.png", scene(channels=2)),
    plain("PNG, grey uint16", "grey16.png", scene(np.uint16, 1)),
    plain("PNG, RGB", "rgb.png", scene()),
    Row("PNG, RGBA, colours under alpha 0", WRITER, "hidden.png", hidden),
    Row("PNG, palette", WRITER, "palette.png", palette),
    Row("PNG, palette with a clear colour", WRITER, "clear.png", lambda path: palette(path, transparency=3)),
    Row("PNG, a named colour is clear", WRITER, "named.png", named_colour_is_clear),
    *(oriented(f"turned{n}.png", n) for n in range(2, 9)),
    wide("PNG, Display P3", "p3.png", P3_PROFILE, DISPLAY_P3, None),
    Row("PNG, three frames", WRITER, "frames.png", frames, "holds 3 frames"),
    plain("JPEG, RGB", "rgb.jpg", scene(), steps=LOSSY, **BEST),
    plain("JPEG, grey, progressive", "grey.jpg", scene(channels=1), steps=LOSSY, quality=100, progressive=True),
    oriented("turned6.jpg", 6, steps=LOSSY, **BEST),
    oriented("turned3.JPG", 3, steps=LOSSY, **BEST),
    plain("JPEG, called .jfif", "saved.jfif", scene(), steps=LOSSY, format="JPEG", **BEST),
    Row("JPEG, several pictures (MPO)", WRITER, "several.jpg", lambda p: several(p, **BEST), steps=LOSSY),
    Row("JPEG, CMYK, no profile", WRITER, "ink.jpg", lambda p: inks(p, **BEST), steps=LOSSY),
    Row("JPEG, CMYK with a profile", WRITER, "ink_profile.jpg",
        lambda p: inks(p, icc_profile=ink_profile(), **BEST), steps=LOSSY),
    wide("JPEG, Display P3", "p3.jpg", P3_PROFILE, DISPLAY_P3, None, **BEST),
    Row("JPEG, a camera's Adobe RGB", WRITER, "camera.jpg", adobe_rgb_of_a_camera,
        shown=lambda v: shown_as_srgb(v / 255, ADOBE_RGB, ADOBE_GAMMA)),
    plain("WebP, RGB, lossless", "rgb.webp", scene(), lossless=True),
    plain("WebP, RGB, lossy", "lossy.webp", scene(), steps=40, quality=100),
    Row("WebP, RGBA, colours under alpha 0", WRITER, "hidden.webp", lambda p: hidden(p, lossless=True, exact=True)),
    oriented("turned5.webp", 5, lossless=True),
    Row("WebP, three frames", WRITER, "frames.webp", frames, "holds 3 frames"),
    plain("AVIF, RGB", "rgb.avif", scene(), steps=8, quality=100, subsampling="4:4:4"),
    plain("BMP, RGB", "rgb.bmp", scene()),
    plain("BMP, grey", "grey.bmp", scene(channels=1)),
    Row("GIF, palette", WRITER, "palette.gif", palette),
    Row("GIF, three frames", WRITER, "frames.gif", frames, "holds 3 frames"),
    plain("JPEG 2000, RGB", "rgb.jp2", scene()),
    plain("JPEG 2000, RGBA", "rgba.jp2", scene(channels=4)),
    plain("JPEG 2000, grey uint16", "grey16.jp2", scene(np.uint16, 1)),
    plain("TGA, RGB", "rgb.tga", scene()),
    plain("TGA, RGBA", "rgba.tga", scene(channels=4)),
    plain("PPM", "rgb.ppm", scene()),
    plain("TIFF, RGB uint8, LZW", "lzw.tif", scene(), compression="tiff_lzw"),
    wide("TIFF, Adobe RGB", "adobe.tif", ADOBE_PROFILE, ADOBE_RGB, ADOBE_GAMMA),
]  # fmt: skip
