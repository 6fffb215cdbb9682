"""Masks of every depth, kind and habit: understood, or a line that says what was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from regharm_core import InputError
from regharm_core.media.masks import read_mask
from tests.media.corpus.hand import merged
from tests.media.corpus.openimageio import saved
from tests.media.corpus.tiff import scene, turned

BOX = np.zeros((40, 56), bool)
BOX[10:30, 12:41] = True
WHITE = BOX * np.uint8(255)
SOFT = np.clip(np.mgrid[0:40, 0:56][1] / 50 - 0.05, 0, 1)


def tiff(path: Path, values: np.ndarray, **options: Any) -> None:
    tifffile.imwrite(path, values, **options)


def png(path: Path, values: np.ndarray, **options: Any) -> None:
    Image.fromarray(values).save(path, **options)


def palette(path: Path, numbers: np.ndarray, colours: dict[int, tuple[int, int, int]], **options: Any) -> None:
    image = Image.frombytes("P", numbers.shape[::-1], numbers.astype(np.uint8).tobytes())
    table = np.zeros((256, 3), np.uint8)
    for number, colour in colours.items():
        table[number] = colour
    image.putpalette(table.tobytes())
    image.save(path, **options)


def on_colour(alpha: np.ndarray) -> np.ndarray:
    return np.dstack([scene()[..., :3], (alpha * 255).round().astype(np.uint8)])


VOC = {0: (0, 0, 0), 1: (128, 0, 0), 5: (128, 0, 128), 255: (224, 224, 192)}
WRITERS: dict[str, tuple[str, Any]] = {
    "8 bits": ("png", lambda p: png(p, WHITE)),
    "1 bit": ("png", lambda p: png(p, BOX)),
    "0 and 1": ("png", lambda p: png(p, BOX.astype(np.uint8))),
    "colour": ("png", lambda p: png(p, np.dstack([WHITE] * 3))),
    "red on black": ("png", lambda p: png(p, np.dstack([WHITE, WHITE * 0, WHITE * 0]))),
    "dark green on black": ("png", lambda p: png(p, np.dstack([BOX * 0, BOX * 90, BOX * 0]).astype(np.uint8))),
    "one label of 38": ("png", lambda p: png(p, BOX * np.uint8(38))),
    "16 bits": ("png", lambda p: png(p, BOX * np.uint16(65535))),
    "16 bits, values of 8": ("png", lambda p: png(p, BOX * np.uint16(255))),
    "16 bits, 0 and 1": ("tif", lambda p: tiff(p, BOX * np.uint16(1))),
    "16 bits, colour": ("tif", lambda p: tiff(p, np.dstack([BOX * np.uint16(65535)] * 3), photometric="rgb")),
    "32 bits": ("tif", lambda p: tiff(p, BOX * np.uint32(2**32 - 1))),
    "32 bits, values of 8": ("tif", lambda p: tiff(p, BOX * np.uint32(255))),
    "32 bits, values of 16": ("tif", lambda p: tiff(p, BOX * np.uint32(65535))),
    "32 bits with a sign": ("tif", lambda p: tiff(p, BOX * np.int32(255))),
    "16 bits with a sign, 0 and 1": ("tif", lambda p: tiff(p, BOX * np.int16(1))),
    "float": ("tif", lambda p: tiff(p, BOX * np.float32(1))),
    "float, values of 8 bits": ("tif", lambda p: tiff(p, BOX * np.float32(255))),
    "float that overshoots": ("tif", lambda p: tiff(p, BOX * np.float32(1.03))),
    "half, EXR": ("exr", lambda p: saved(p, BOX[..., None].astype(np.float16))),
    "alone and called alpha": ("exr", lambda p: saved(p, BOX[..., None].astype(np.float16), channelnames=("A",))),
    "alone and called matte": ("exr", lambda p: saved(p, BOX[..., None].astype(np.float32), channelnames=("matte",))),
    "alone in a layer": ("exr", lambda p: saved(p, BOX[..., None].astype(np.float16), channelnames=("roto.R",))),
    "0 is white, float": ("tif", lambda p: tiff(p, 1 - BOX.astype(np.float32), photometric="miniswhite")),
    "0 is white": ("tif", lambda p: tiff(p, ~WHITE, photometric="miniswhite")),
    "0 is white, 16 bits": ("tif", lambda p: tiff(p, ~BOX * np.uint16(65535), photometric="miniswhite")),
    "drawn in the alpha": ("png", lambda p: png(p, on_colour(BOX))),
    "drawn in the alpha, 16 bits": (
        "tif",
        lambda p: tiff(p, on_colour(BOX).astype(np.uint16) * 257, photometric="rgb", extrasamples=["unassalpha"]),
    ),
    "an alpha that says nothing": ("png", lambda p: png(p, np.dstack([WHITE] * 3 + [WHITE * 0 + 255]))),
    "palette of greys": ("png", lambda p: palette(p, BOX * 3, {0: (0, 0, 0), 3: (255, 255, 255)})),
    "palette whose 0 is white": ("png", lambda p: palette(p, ~BOX * 3, {0: (255, 255, 250), 3: (0, 0, 0)})),
    "palette, one label": ("png", lambda p: palette(p, BOX * 1, VOC)),
    "palette, black is not 0": ("png", lambda p: palette(p, ~BOX * 3, {0: (200, 30, 30), 3: (0, 0, 0)})),
    "palette, one label, TIFF": ("tif", lambda p: palette(p, BOX * 1, VOC)),
    "palette, one label, GIF": ("gif", lambda p: palette(p, BOX * 1, VOC)),
    "palette, label 255": ("png", lambda p: palette(p, BOX * 255, VOC)),
    "palette, clear around": ("png", lambda p: palette(p, BOX * 5, VOC, transparency=0)),
    "JPEG": ("jpg", lambda p: png(p, WHITE, quality=100)),
    "JPEG, red": ("jpg", lambda p: png(p, np.dstack([WHITE, WHITE * 0, WHITE * 0]), quality=100)),
    "WebP": ("webp", lambda p: png(p, np.dstack([WHITE] * 3), lossless=True)),
    "BMP": ("bmp", lambda p: png(p, WHITE)),
    "PSD": ("psd", lambda p: merged(p, (WHITE)[None], 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WRITERS))
def test_a_box_is_a_box(name: str, tmp_path: Path) -> None:
    suffix, write = WRITERS[name]
    path = tmp_path / f"mask.{suffix}"
    write(path)
    mask = read_mask(path, BOX.shape)
    assert mask.shape == (1, 1, 40, 56) and mask.dtype == torch.float32
    sure = np.ones_like(BOX)
    if "JPEG" in name and suffix == "jpg":  # its blocks ring at the rim
        sure[7:33, 9:44] = sure[13:27, 15:38] = False
        sure[13:27, 15:38] = True
    assert np.abs(mask[0, 0].numpy() - BOX)[sure].max() <= 0.02


SOFT_KINDS: dict[str, tuple[int, Any]] = {
    "8 bits": (255, np.uint8),
    "16 bits": (65535, np.uint16),
    "16 bits, values of 8": (255, np.uint16),
    "32 bits, values of 8": (255, np.uint32),
    "32 bits, values of 16": (65535, np.uint32),
    "32 bits with a sign, values of 8": (255, np.int32),
    "float": (1, np.float32),
    "float, values of 8": (255, np.float32),
    "double, values of 16": (65535, np.float64),
}


@pytest.mark.parametrize("kind", [*SOFT_KINDS, "alpha", "JPEG XL"])
def test_soft_masks_stay_soft(kind: str, tmp_path: Path) -> None:
    path = tmp_path / ("mask.jxl" if kind == "JPEG XL" else "mask.tif")
    if kind == "JPEG XL":
        saved(path, (SOFT * 255).astype(np.uint8)[..., None])
    elif kind == "alpha":
        tiff(path, on_colour(SOFT), photometric="rgb", extrasamples=["unassalpha"])
    else:
        white, dtype = SOFT_KINDS[kind]
        tiff(path, (SOFT / SOFT.max() * white).astype(dtype))
    wanted = SOFT if kind in ("alpha", "JPEG XL") else SOFT / SOFT.max()
    assert np.abs(read_mask(path)[0, 0].numpy() - wanted).max() <= 1 / 250


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation(orientation: int, tmp_path: Path) -> None:
    stored = turned((WHITE)[..., None], orientation)[..., 0]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "mask.png", exif=exif)
    tiff(tmp_path / "mask.tif", stored.astype(np.uint16) * 257, extratags=[(274, "H", 1, orientation, True)])
    for name in ("mask.png", "mask.tif"):
        assert np.array_equal(read_mask(tmp_path / name, BOX.shape)[0, 0].numpy(), BOX)


NUMBERED = np.where(BOX, 1, 0) + np.where(np.arange(56) > 30, 1, 0) * BOX


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda p: png(p, (NUMBERED * 19).astype(np.uint8)), "brightest value is 38 of 255 (0 and 19 and 38)"),
        (lambda p: png(p, (SOFT * 38).astype(np.uint8)), "brightest value is 38 of 255"),
        (lambda p: png(p, (NUMBERED + (SOFT > 0.5)).astype(np.uint8)), "brightest value is 3 of 255"),
        (lambda p: palette(p, np.where(NUMBERED == 2, 5, NUMBERED), VOC), "2 labels (1, 5)"),
        (lambda p: png(p, scene()), "several colours, as a photograph"),
        (lambda p: png(p, (SOFT * 20000).astype(np.uint16)), "of 65535"),
    ],
    ids=["labels", "dark", "labels 1 to 3", "palette", "photograph", "16 bits"],
)
def test_what_is_no_mask_is_said(write: Any, said: str, tmp_path: Path) -> None:
    write(tmp_path / "mask.png")
    with pytest.raises(InputError) as refused:
        read_mask(tmp_path / "mask.png")
    assert said in str(refused.value) and "mask.png" in str(refused.value)


def test_values_below_black_and_none_at_all(tmp_path: Path) -> None:
    for values, said in ((BOX * np.float32(-1), "below black"), (np.where(BOX, np.nan, 0).astype(np.float32), "NaN")):
        tiff(tmp_path / "mask.tif", values)
        with pytest.raises(InputError, match=said):
            read_mask(tmp_path / "mask.tif")
