"""Only the change goes into a file: outside the mask every bit stays, whatever its depth, light or colour space."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
import tifffile
import torch
from PIL import Image

from regharm_core import InputError
from regharm_core.media.picture import Picture, put_back
from regharm_core.media.reading import read_picture, read_raster
from regharm_core.media.writing import write_picture
from tests.media.corpus import openimageio, pillow
from tests.media.corpus.every import ROWS
from tests.media.corpus.profiles import DISPLAY_P3, P3_PROFILE, shown_as_srgb
from tests.media.corpus.row import Row, of_file, scene

LOSSLESS = [row for row in ROWS if not row.refused and not row.steps and "JPEG" not in row.what]
HERE = np.s_[10:30, 10:25]


def moved(picture: Picture) -> torch.Tensor:
    """A darker, warmer part."""
    answer = picture.pixels.clone()
    change = torch.tensor([-0.05, -0.08, -0.12])[:, None, None]
    answer[0, :, HERE[0], HERE[1]] = answer[0, :, HERE[0], HERE[1]] + change
    return answer if picture.linear else answer.clamp(0, 1)


@pytest.mark.parametrize("row", LOSSLESS, ids=lambda row: f"{row.what} ({row.writer})")
def test_outside_stays_and_inside_becomes_what_was_asked_for(row: Row, tmp_path: Path) -> None:
    row.write(tmp_path / row.file)
    picture = read_picture(tmp_path / row.file)
    answer = moved(picture)
    former, values = of_file(picture.raster), of_file(replace(picture.raster, values=put_back(picture, answer)))
    outside = np.ones(former.shape[:2], bool)
    outside[HERE] = False
    assert values.dtype == former.dtype and np.array_equal(values[outside], former[outside])
    if picture.alpha is not None:
        assert np.array_equal(values[..., -1], former[..., -1])
    path = tmp_path / "moved.exr" if picture.raster.floating else tmp_path / "moved.png"
    write_picture(path, answer, picture)
    seen = read_picture(path).display
    wanted = Picture(answer, None, 8, linear=picture.linear).display
    if len(picture.raster.colour) == 1:
        weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
        wanted = (wanted * weights).sum(1, keepdim=True).expand(-1, 3, -1, -1)
    covered = torch.ones(wanted.shape[-2:], dtype=torch.bool) if picture.alpha is None else picture.alpha[0, 0] > 0.02
    apart = (seen - wanted).abs().amax(1)[0]
    limit = 0.03 if picture.raster.associated else 0.006  # 8-bit colour times alpha has few steps where it is thin
    assert float(apart[covered].quantile(0.99)) < limit


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_wide_gamut_comes_back_in_its_own_space(tmp_path: Path, suffix: str) -> None:
    """What is written, seen through the profile, is what was asked for; a colour beyond sRGB stays where it was."""
    values = scene(np.uint16)
    values[2, 2] = (0, 65535, 0)
    openimageio.saved(tmp_path / f"in.{suffix}", values, ICCProfile=P3_PROFILE)
    picture = read_picture(tmp_path / f"in.{suffix}")
    answer = moved(picture)
    write_picture(tmp_path / f"out.{suffix}", answer, picture)
    made = read_raster(tmp_path / f"out.{suffix}")
    assert made.extras["icc_profile"] == P3_PROFILE and (made.values[2, 2] == (0, 65535, 0)).all()
    seen = shown_as_srgb(made.values[HERE] / 65535, DISPLAY_P3, None)
    assert np.abs(seen - answer[0].permute(1, 2, 0).numpy()[HERE]).max() < 0.002


def test_a_film_comes_back_as_a_film(tmp_path: Path) -> None:
    """What is written, seen through the film's curve, is what was asked for; brighter than white stays so."""
    values = openimageio.packed(10) // 2  # below white
    values[2, 2] = 65535
    openimageio.saved(tmp_path / "in.dpx", values, oiio__BitsPerSample=10, oiio__ColorSpace="KodakLog")
    picture = read_picture(tmp_path / "in.dpx")
    answer = moved(picture)
    write_picture(tmp_path / "out.dpx", answer, picture)
    made = read_raster(tmp_path / "out.dpx")
    assert made.bits == 10 and (made.values[2, 2] == 65535).all()
    assert oiio.ImageBuf(str(tmp_path / "out.dpx")).spec()["dpx:Transfer"] == "Logarithmic"
    seen = openimageio.film_as_srgb(made.values[HERE].astype(float))
    apart = np.abs(seen - answer[0].permute(1, 2, 0).numpy()[HERE])
    assert np.quantile(apart, 0.99) < 0.01  # a film's dark codes are wide steps of sRGB
    write_picture(tmp_path / "out.png", answer, picture)
    shown = read_raster(tmp_path / "out.png").values[HERE] / 65535
    assert np.abs(shown - answer[0].permute(1, 2, 0).numpy()[HERE]).max() < 1e-4


def test_light_under_no_alpha_stays(tmp_path: Path) -> None:
    values = openimageio.associated("float16")
    openimageio.saved(tmp_path / "in.exr", values)
    picture = read_picture(tmp_path / "in.exr")
    write_picture(tmp_path / "out.exr", picture.pixels + 0.2, picture)
    made = oiio.ImageBuf(str(tmp_path / "out.exr")).get_pixels(oiio.FLOAT)
    assert np.array_equal(made[:8], values[:8].astype(np.float32))  # its alpha is 0
    thick = values[20:, :, 3:].astype(np.float32)
    np.testing.assert_allclose(made[20:, :, :3], values[20:, :, :3] + 0.2 * thick, atol=2e-3)


def test_values_beyond_0_and_1_stay(tmp_path: Path) -> None:
    for name, dtype in (("in.exr", np.float32), ("in.tif", np.float32)):
        values = scene(dtype)
        values[0, 0] = (-4, 900, 60000)
        openimageio.saved(tmp_path / name, values)
        picture = read_picture(tmp_path / name)
        assert picture.linear and torch.equal(picture.pixels[0, :, 0, 0], torch.tensor([-4.0, 900, 60000]))
        answer = picture.pixels * 1.5
        write_picture(tmp_path / f"out_{name}", answer, picture)
        made = of_file(read_raster(tmp_path / f"out_{name}"))
        np.testing.assert_allclose(made, values * 1.5, rtol=1e-6)


def test_between_linear_light_and_srgb(tmp_path: Path) -> None:
    light = scene("float32").clip(0, 1)
    openimageio.saved(tmp_path / "in.exr", light)
    picture = read_picture(tmp_path / "in.exr")
    write_picture(tmp_path / "out.png", picture.pixels, picture)
    made = oiio.ImageBuf(str(tmp_path / "out.png")).get_pixels(oiio.UINT16)
    curve = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(made / 65535 - curve).max() < 1e-4
    Image.fromarray(scene()).save(tmp_path / "in.png")
    picture = read_picture(tmp_path / "in.png")
    write_picture(tmp_path / "out.exr", picture.pixels, picture)
    made = oiio.ImageBuf(str(tmp_path / "out.exr"))
    shown = scene() / 255
    curve = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    assert made.spec().format == "half" and np.abs(made.get_pixels(oiio.FLOAT) - curve).max() < 1e-3


def test_alpha_is_multiplied_in_and_out_between_formats(tmp_path: Path) -> None:
    values = scene(channels=4)
    values[..., 3] = values[..., 3].clip(40)
    Image.fromarray(values).save(tmp_path / "in.png")
    picture = read_picture(tmp_path / "in.png")
    write_picture(tmp_path / "there.exr", picture.pixels, picture)
    alone = oiio.ImageBuf(str(tmp_path / "there.exr")).get_pixels(oiio.FLOAT)
    linear = np.where(values / 255 <= 0.04045, values / 255 / 12.92, ((values / 255 + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(alone[..., :3], linear[..., :3] * values[..., 3:] / 255, atol=1e-3)
    there = read_picture(tmp_path / "there.exr")
    write_picture(tmp_path / "back.png", there.pixels, there)
    back = read_raster(tmp_path / "back.png")
    assert back.bits == 16 and not back.associated
    assert np.abs(back.values[..., 3] / 257 - values[..., 3]).max() < 0.1
    assert np.abs(back.values[..., :3] / 257 - values[..., :3]).max() < 0.6


@pytest.mark.parametrize("suffix", ["jpg", "bmp", "ppm", "hdr"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16"])
def test_an_alpha_that_is_opaque_needs_no_room(tmp_path: Path, suffix: str, dtype: str) -> None:
    """As screenshots have it; one that shows is refused."""
    path = tmp_path / ("in.tif" if dtype == "float16" else "in.png")
    values = scene(dtype, 4)
    values[..., 3] = 1 if dtype == "float16" else np.iinfo(dtype).max
    openimageio.saved(path, values, oiio__UnassociatedAlpha=1)
    picture = read_picture(path)
    assert picture.alpha is not None
    write_picture(tmp_path / f"out.{suffix}", picture.pixels, picture)
    made = read_picture(tmp_path / f"out.{suffix}")
    assert made.alpha is None and float((made.display - picture.display).abs().mean()) < 0.02
    values[3, 3, 3] = 0
    openimageio.saved(path, values, oiio__UnassociatedAlpha=1)
    picture = read_picture(path)
    with pytest.raises(InputError, match="has an alpha channel"):
        write_picture(tmp_path / f"out.{suffix}", picture.pixels, picture)


def test_a_space_that_a_format_cannot_state_is_left(tmp_path: Path) -> None:
    """Display P3 into BMP, a camera's Adobe RGB into PNG: sRGB's values."""
    Image.fromarray(scene()).save(tmp_path / "in.png", icc_profile=P3_PROFILE)
    pillow.adobe_rgb_of_a_camera(tmp_path / "in.jpg")
    for given, out in (("in.png", "out.bmp"), ("in.jpg", "out.png")):
        picture = read_picture(tmp_path / given)
        write_picture(tmp_path / out, picture.pixels, picture)
        made = read_raster(tmp_path / out)
        assert (
            made.space is None and np.abs(made.values / 255 - picture.pixels[0].permute(1, 2, 0).numpy()).max() < 0.003
        )


def test_depths_fit_what_the_format_has(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "in.tif", scene("uint16"), photometric="rgb")
    picture = read_picture(tmp_path / "in.tif")
    for name, bits in (("out.webp", 8), ("out.png", 16), ("out.jxl", 16), ("out.dpx", 16), ("out.exr", 32)):
        write_picture(tmp_path / name, picture.pixels, picture)
        assert read_raster(tmp_path / name).bits == bits
    eight = np.asarray(Image.open(tmp_path / "out.webp"))
    assert np.abs(eight - scene("uint16") / 257).max() <= 0.51


@pytest.mark.parametrize("suffix", ["exr", "jxl", "dpx", "tga", "tif", "webp", "png"])
@pytest.mark.parametrize("deep", [False, True])
def test_grey_keeps_its_alpha_in_every_format(tmp_path: Path, suffix: str, deep: bool) -> None:
    grey = np.tile(np.linspace(40, 220, 32, dtype=np.uint8), (32, 1))
    alpha = np.full((32, 32), 255, np.uint8)
    alpha[:9] = 90
    both = np.stack([grey, alpha], axis=-1)
    if deep:
        openimageio.saved(tmp_path / "in.png", both.astype(np.uint16) * 257, channelnames=("Y", "A"), alpha_channel=1)
    else:
        Image.fromarray(both).save(tmp_path / "in.png")
    given = read_picture(tmp_path / "in.png")
    write_picture(tmp_path / f"out.{suffix}", given.pixels * 0.9, given)
    made = read_picture(tmp_path / f"out.{suffix}")
    assert made.alpha is not None
    np.testing.assert_allclose(made.alpha[0, 0].numpy(), alpha / 255, atol=0.003)
    np.testing.assert_allclose(made.display.numpy(), given.pixels.numpy() * 0.9, atol=0.01)


def test_a_transparent_grey_of_16_bits(tmp_path: Path) -> None:
    grey = (np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000)[..., None]
    picture = Image.fromarray(grey[..., 0])
    picture.save(tmp_path / "in.png", transparency=7000)
    read = read_picture(tmp_path / "in.png")
    assert read.depth == 16 and read.alpha is not None
    wanted = np.where(grey[..., 0] == 7000, 0.0, 1.0)
    assert np.array_equal(read.alpha[0, 0].numpy(), wanted)
