"""Which way is up: every orientation of every kind of number, of colour and grey, of pictures and masks alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from regharm_core.media.masks import read_mask
from regharm_core.media.png import with_facts
from regharm_core.media.reading import read_picture, read_raster
from regharm_core.media.small import read_small, read_small_mask
from regharm_core.media.writing import write_picture
from tests.media.corpus.openimageio import saved
from tests.media.corpus.row import of_file, scene, turned

EVERY = range(1, 9)
BOX = np.zeros((40, 56, 1), np.uint8)
BOX[5:20, 10:45] = 255


def tag(orientation: int) -> Image.Exif:
    """A camera's."""
    made = Image.Exif()
    made[0x0112] = orientation
    return made


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "float16", "float32", "float64"])
def test_tiff(tmp_path: Path, dtype: str, channels: int) -> None:
    """Of each orientation with its channels together and in planes, with 0 as black and as white."""
    values, path = scene(dtype, channels), tmp_path / "in.tif"
    for orientation in EVERY:
        stored = turned(values, orientation)
        for planes in (False, True) if channels > 1 else (False,):
            given = np.moveaxis(stored, 2, 0) if planes else stored
            tifffile.imwrite(
                path,
                given if channels > 1 else stored[..., 0],
                photometric="rgb" if channels >= 3 else "minisblack",
                planarconfig="separate" if planes else "contig",
                extrasamples=[] if channels % 2 else ["unassalpha"],
                extratags=[(274, "H", 1, orientation, True)],
            )
            read = read_raster(path)
            assert np.array_equal(of_file(read), values), (orientation, planes)
            assert (read.alpha is None) is (channels % 2 == 1)


@pytest.mark.parametrize("kind", ["palette", "CMYK uint8", "CMYK uint16", "CIE Lab uint8", "0 is white uint16"])
@pytest.mark.parametrize("packed", [False, True])
def test_tiff_of_other_colours(tmp_path: Path, kind: str, packed: bool) -> None:
    """Each as it is read when it lies upright."""
    what, _, dtype = kind.rpartition(" ")
    values = scene(dtype if what else "uint8", {"CMYK": 4, "CIE Lab": 3}.get(what, 1))
    photometric = {"CMYK": "separated", "CIE Lab": "cielab", "0 is white": "miniswhite"}.get(what, "palette")
    chosen: dict[str, Any] = {"photometric": photometric, "compression": "zlib" if packed else None}
    if kind == "palette":
        chosen["colormap"] = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(np.uint16) * 257
    read: list[np.ndarray] = []
    for orientation in EVERY:
        stored = turned(values, orientation)
        given = stored[..., 0] if stored.shape[2] == 1 else stored
        tags = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(tmp_path / "in.tif", given, extratags=tags, **chosen)
        read.append(of_file(read_raster(tmp_path / "in.tif")))
        assert np.array_equal(read[-1], read[0]), orientation
    assert read[0].shape[:2] == (40, 56) and read[0].std() > 5


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png(tmp_path: Path, dtype: str, channels: int) -> None:
    values = scene(dtype, channels)
    for orientation in EVERY:
        saved(tmp_path / "pixels.png", turned(values, orientation), oiio__UnassociatedAlpha=1)
        Image.new("L", (1, 1)).save(tmp_path / "facts.png", exif=tag(orientation))
        both = with_facts((tmp_path / "pixels.png").read_bytes(), (tmp_path / "facts.png").read_bytes())
        (tmp_path / "in.png").write_bytes(both)
        assert np.array_equal(of_file(read_raster(tmp_path / "in.png")), values), orientation


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("suffix", ["jpg", "webp", "avif"])
def test_cameras(tmp_path: Path, suffix: str, mode: str) -> None:
    """Read whole, read small as training does, and given back with nothing that would turn it once more."""
    if mode == "CMYK" and suffix != "jpg":
        return
    plain = Image.fromarray(scene(channels=1)[..., 0] if mode == "L" else scene())
    path, out = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    wanted = np.asarray(plain.convert("RGB")).astype(float)
    for orientation in EVERY:
        stored = turned(np.atleast_3d(np.asarray(plain)), orientation)
        image = Image.fromarray(stored[..., 0] if mode == "L" else stored).convert(mode)
        image.save(path, exif=tag(orientation), quality=100, **({"subsampling": 0} if suffix == "jpg" else {}))
        picture = read_picture(path)
        write_picture(out, picture.pixels * 1.0, picture, source=path)
        for seen in (picture, read_picture(out)):
            assert np.abs(seen.pixels[0].permute(1, 2, 0).numpy() * 255 - wanted).mean() < 4, orientation
        small, size = read_small(path, 40)
        assert size == (56, 40)
        squeezed = np.asarray(plain.convert("RGB").resize((40, 40), Image.Resampling.BILINEAR)).astype(float)
        assert np.abs(small.permute(1, 2, 0).numpy() - squeezed).mean() < 4, orientation


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("kind", ["8 bits", "16 bits", "palette", "alpha"])
def test_masks(tmp_path: Path, suffix: str, kind: str) -> None:
    possible = {"8 bits": ("png", "jpg", "webp", "tif"), "16 bits": ("png", "tif"), "palette": ("png", "tif")}
    if suffix not in possible.get(kind, ("png", "webp", "tif")):
        return
    path = tmp_path / f"mask.{suffix}"
    for orientation in EVERY:
        stored = turned(BOX, orientation)[..., 0]
        image = Image.fromarray(stored if kind != "16 bits" else stored.astype(np.uint16) * 257)
        if kind == "palette":
            image = Image.frombytes("P", stored.shape[::-1], (stored // 255).tobytes())
            image.putpalette(bytes([0, 0, 0, 200, 40, 40]))
        if kind == "alpha":
            image = Image.merge("RGBA", [Image.new("L", image.size, 90)] * 3 + [image])
        options = {"quality": 100} if suffix == "jpg" else {"lossless": True} if suffix == "webp" else {}
        if suffix == "tif":
            image.save(path, tiffinfo={274: orientation})
        else:
            image.save(path, exif=tag(orientation), **options)
        assert np.abs(read_mask(path)[0, 0].numpy() - BOX[..., 0] / 255).mean() < 0.002, orientation
        assert read_small_mask(path, 30)[1] == (56, 40)
