"""Picture files as strangers send them: an answer or one line, never a traceback."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from regharm_core import InputError
from regharm_core.cli import main
from regharm_core.media.reading import read_picture


def run(*arguments: object) -> int:
    return main(["harmonize", *(str(a) for a in arguments), "--device", "cpu"])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("side", [14_000, 60_000, 2**31 - 1])
def test_decompression_bombs(tmp_path: Path, side: int) -> None:
    """A few bytes that claim a picture of gigabytes."""
    path = tmp_path / "bomb.png"
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100_000)) + chunk(b"IEND", b""))
    with pytest.raises(InputError, match="bomb.png"):
        read_picture(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_files_cut_short_at_every_twentieth(tmp_path: Path, values: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(values).save(path)
    whole = path.read_bytes()
    refused = 0
    for keep in range(0, len(whole), max(len(whole) // 20, 1)):
        path.write_bytes(whole[:keep])
        try:
            assert read_picture(path).pixels.shape == (1, 3, 40, 60)  # a last marker may be missing
        except InputError as error:
            assert f"cut.{suffix}" in str(error)
            refused += 1
    assert refused > 15


@pytest.mark.parametrize("mode", ["CMYK", "P", "L", "LA", "1", "YCbCr"])
def test_modes(tmp_path: Path, weights: Path, values: np.ndarray, mask: Path, mode: str) -> None:
    suffix = {"CMYK": "jpg", "YCbCr": "jpg"}.get(mode, "png")
    given, made = tmp_path / f"in.{suffix}", tmp_path / "out.png"
    Image.fromarray(values).convert(mode).save(given)
    assert run(given, mask, "-o", made, "--weights", weights) == 0
    with Image.open(made) as picture:
        assert picture.size == (60, 40) and picture.mode == {"LA": "LA", "L": "L", "1": "L"}.get(mode, "RGB")


def test_a_palette_with_transparency_keeps_it(tmp_path: Path, weights: Path, mask: Path) -> None:
    drawn = Image.fromarray(np.arange(2400, dtype=np.uint8).reshape(40, 60) % 7, "P")
    drawn.putpalette([40 * n % 256 for n in range(21)])
    drawn.save(tmp_path / "in.png", transparency=3)
    assert run(tmp_path / "in.png", mask, "-o", tmp_path / "out.png", "--weights", weights) == 0
    with Image.open(tmp_path / "out.png") as made, Image.open(tmp_path / "in.png") as given:
        assert np.array_equal(np.asarray(made)[..., 3], np.asarray(given.convert("RGBA"))[..., 3])


def test_a_profile_of_another_colour_space_is_not_kept(tmp_path: Path, values: np.ndarray) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for mode, kept in (("RGB", True), ("CMYK", False)):
        Image.fromarray(values).convert(mode).save(tmp_path / "in.jpg", icc_profile=profile)
        assert ("icc_profile" in read_picture(tmp_path / "in.jpg").extras) is kept


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_animations_are_named(tmp_path: Path, values: np.ndarray, suffix: str) -> None:
    frames = [Image.fromarray(np.roll(values, n, axis=1)) for n in range(3)]
    frames[0].save(tmp_path / f"moving.{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match=rf"moving.{suffix} holds 3 frames"):
        read_picture(tmp_path / f"moving.{suffix}")


@pytest.mark.parametrize("size", [(1, 1), (15, 200), (1, 4000)])
def test_pictures_too_small_are_quoted(
    tmp_path: Path, weights: Path, size: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", size, (9, 99, 200)).save(tmp_path / "in.png")
    Image.new("L", size, 255).save(tmp_path / "mask.png")
    given = (tmp_path / "in.png", tmp_path / "mask.png", "-o", tmp_path / "out.png")
    assert run(*given, "--weights", weights) == 2
    said = capsys.readouterr().err
    assert (
        said.count("\n") == 1 and f"in.png has {size[0]} x {size[1]} px" in said and not (tmp_path / "out.png").exists()
    )


def test_a_second_frame_without_dimensions(tmp_path: Path, values: np.ndarray) -> None:
    """Found by benchmarks/fuzz.py: Pillow raised a TypeError while it counted the frames."""
    path = tmp_path / "second.tif"
    Image.fromarray(values).save(path)
    data = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * entries, len(data))
    path.write_bytes(data + struct.pack("<HI", 0, 0))
    assert np.array_equal(read_picture(path).raster.values, values)
