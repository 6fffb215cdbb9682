"""What a file says beside its pixels goes along: profile, resolution, text, EXIF, packing, permissions, links."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational

from regharm_core.media.png import with_facts
from regharm_core.media.reading import read_picture
from regharm_core.media.small import read_small
from regharm_core.media.writing import write_picture
from regharm_core.store.files import replacing
from tests.media.corpus.openimageio import saved
from tests.media.corpus.profiles import P3_PROFILE, ink_profile
from tests.media.corpus.row import scene

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="permissions and links are others there")
EXPOSURE, ISO, MAKER, LENS, LATITUDE = 0x829A, 0x8827, 0x927C, 0xA434, 2


def exif(orientation: int = 1) -> Image.Exif:
    """What a camera says."""
    made = Image.Exif()
    made[0x010F], made[0x0112] = "Camera", orientation
    made.get_ifd(0x8769).update({EXPOSURE: IFDRational(1, 100), ISO: 400, MAKER: b"its own notes", LENS: "50 mm"})
    made.get_ifd(0x8825).update({1: "N", LATITUDE: (IFDRational(52), IFDRational(30), IFDRational(0))})
    return made


def through(given: Path, out: Path, gain: float = 0.9) -> Image.Image | None:
    """Read, change and write; what Pillow opens of it."""
    picture = read_picture(given)
    write_picture(out, picture.pixels * gain, picture, source=given)
    try:
        return Image.open(out)
    except OSError:
        return None


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "avif"])
def test_exif_and_profile_of_8_bits(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(scene()).save(tmp_path / f"in.{suffix}", exif=exif(6), icc_profile=P3_PROFILE)
    made = through(tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}")
    assert made is not None and made.info["icc_profile"] == P3_PROFILE
    said = made.getexif()
    assert said[0x010F] == "Camera" and said.get(0x0112, 1) == 1
    inner = said.get_ifd(0x8769)
    assert inner[EXPOSURE] == IFDRational(1, 100) and inner[ISO] == 400 and inner[MAKER] == b"its own notes"
    assert said.get_ifd(0x8825)[LATITUDE] == (52, 30, 0)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize("broken", ["no TIFF", "cut in its directory", "a directory that points nowhere"])
def test_a_picture_is_not_lost_with_its_exif(
    tmp_path: Path, suffix: str, broken: str, recwarn: pytest.WarningsRecorder
) -> None:
    whole = exif().tobytes()
    inner = whole.index(b"\x87\x69") + 8
    data = {
        "no TIFF": b"Exif\0\0garbage",
        "cut in its directory": whole[:40],
        "a directory that points nowhere": whole[:inner] + b"\x7f\xff\xff\xff" + whole[inner + 4 :],
    }[broken]
    path = tmp_path / f"in.{suffix}"
    Image.fromarray(scene()).save(path, exif=data)
    recwarn.clear()
    assert read_picture(path).pixels.shape == (1, 3, 40, 56)
    assert read_small(path, 32)[1] == (56, 40)
    made = through(path, tmp_path / f"out.{suffix}")
    assert made is not None and made.getexif().get(0x0112, 1) == 1
    assert not [w for w in recwarn if issubclass(w.category, UserWarning)]  # nor is it said on stderr


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_text_beyond_ascii_keeps_its_letters(tmp_path: Path, suffix: str) -> None:
    """EXIF of UTF-8, as everybody writes it; in TIFF too, and from one library to the other."""
    given = tmp_path / f"in.{suffix}"
    if suffix == "tif":
        tifffile.imwrite(given, scene(), photometric="rgb", extratags=[(315, "s", 0, "Zoë 文字".encode(), True)])
    else:
        said = Image.Exif()
        said[0x010E] = "ARTIST"
        data = said.tobytes().replace(b"ARTIST\0", "Zoë".encode() + b"\0\0\0")
        Image.fromarray(scene()).save(given, exif=data)
    for out in (f"out.{suffix}", "other.tif", "other.jpg"):
        made = through(given, tmp_path / out)
        assert made is not None
        found = made.getexif()[315 if suffix == "tif" else 0x010E]
        wanted = "Zoë 文字" if suffix == "tif" else "Zoë"
        assert found.encode("latin-1").decode().strip("\0") == wanted, out  # Pillow shows bytes as Latin-1


def test_text_in_the_alphabet_of_older_programs(tmp_path: Path) -> None:
    """IPTC of a TIFF in Latin-1, as photographers' programs wrote it for twenty years."""
    caption = "Zoë".encode("latin-1")
    block = b"\x1c\x02\x78" + len(caption).to_bytes(2, "big") + caption
    tag = (33723, "B", len(block), block, True)
    tifffile.imwrite(tmp_path / "in.tif", scene("uint16"), photometric="rgb", extratags=[tag])
    extras = read_picture(tmp_path / "in.tif").extras
    assert ("IPTC:Caption", "Zoë") in [(name, value) for name, _, value in extras["attributes"]]
    for out in ("out.tif", "out.png", "out.jpg", "out.exr"):
        through(tmp_path / "in.tif", tmp_path / out)
        assert read_picture(tmp_path / out).pixels.shape == (1, 3, 40, 56)


def test_facts_for_which_a_jpeg_has_no_room(tmp_path: Path) -> None:
    """A painting program's history, which PNG holds; the small ones still go along."""
    said = PngInfo()
    said.add_itxt("XML:com.adobe.xmp", "<x>" + "long " * 20_000 + "</x>")
    Image.fromarray(scene()).save(tmp_path / "in.png", pnginfo=said, exif=exif())
    made = through(tmp_path / "in.png", tmp_path / "out.jpg")
    assert made is not None and "xmp" not in made.info and made.getexif()[0x010F] == "Camera"


def test_an_encoder_that_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(scene()).save(tmp_path / "in.png")

    def failing(*_: Any, **__: Any) -> None:
        raise ValueError("no such\nthing")

    monkeypatch.setattr(Image.Image, "save", failing)
    with pytest.raises(OSError, match=r"cannot write .*out\.png: no such thing$"):
        through(tmp_path / "in.png", tmp_path / "out.png")
    assert [p.name for p in tmp_path.iterdir()] == ["in.png"]


def test_square_pixels_are_no_resolution(tmp_path: Path) -> None:
    """A JPEG without a unit says 1 by 1."""
    Image.fromarray(scene()).save(tmp_path / "in.jpg", dpi=(1, 1))
    made = through(tmp_path / "in.jpg", tmp_path / "out.png")
    assert made is not None and "dpi" not in made.info


def png_text() -> PngInfo:
    made = PngInfo()
    made.add_text("Author", "me")
    made.add_text("Comment", "Zoë")
    made.add_itxt("Title", "文字", "zh", "Titel")
    return made


@pytest.mark.parametrize("bits", [8, 16])
def test_text_and_resolution_of_png(tmp_path: Path, bits: int) -> None:
    options: dict[str, Any] = {"exif": exif(), "pnginfo": png_text(), "dpi": (300, 150), "icc_profile": P3_PROFILE}
    Image.fromarray(scene()).save(tmp_path / "in.png", **options)
    if bits == 16:  # the same beside 16-bit pixels
        saved(tmp_path / "deep.png", scene("uint16"))
        whole = with_facts((tmp_path / "deep.png").read_bytes(), (tmp_path / "in.png").read_bytes())
        (tmp_path / "in.png").write_bytes(whole)
    made = through(tmp_path / "in.png", tmp_path / "out.png")
    assert made is not None and oiio.ImageBuf(str(tmp_path / "out.png")).spec().format == f"uint{bits}"
    made.load()
    assert {name: str(value) for name, value in made.text.items()} == {
        "Author": "me",
        "Comment": "Zoë",
        "Title": "文字",
    }
    assert made.text["Title"].lang == "zh" and made.info["icc_profile"] == P3_PROFILE
    assert np.allclose(made.info["dpi"], (300, 150), atol=0.02)
    assert made.getexif().get_ifd(0x8769)[MAKER] == b"its own notes"


def test_comment_resolution_and_xmp_of_jpeg(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6" dc:creator="me"/></x:xmpmeta>'
    options: dict[str, Any] = {"dpi": (240, 240), "comment": b"a word", "xmp": xmp, "exif": exif(6)}
    Image.fromarray(scene()).save(tmp_path / "in.jpg", **options)
    made = through(tmp_path / "in.jpg", tmp_path / "out.jpg")
    assert made is not None and made.info["dpi"] == (240, 240) and made.info["comment"] == b"a word"
    assert b'creator="me"' in made.info["xmp"] and b'Orientation="6"' not in made.info["xmp"]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_tiff(tmp_path: Path, dtype: str) -> None:
    tags = [(271, "s", 0, "Scanner", True), (315, "s", 0, "me", True), (34675, "B", len(P3_PROFILE), P3_PROFILE, True)]
    options: dict[str, Any] = {"resolution": (300, 300), "resolutionunit": "INCH", "description": "two words"}
    tifffile.imwrite(
        tmp_path / "in.tif", scene(dtype), photometric="rgb", extratags=tags, compression="zlib", **options
    )
    through(tmp_path / "in.tif", tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        found = {tag.name: tag.value for tag in file.pages[0].tags}
    assert found["Make"] == "Scanner" and found["Artist"] == "me" and found["ImageDescription"] == "two words"
    assert (
        found["InterColorProfile"] == P3_PROFILE and found["XResolution"] == (300, 1) and found["ResolutionUnit"] == 2
    )
    assert found["Compression"] == 8


def test_exif_inside_tiff(tmp_path: Path) -> None:
    Image.fromarray(scene()).save(tmp_path / "in.tif", exif=exif().tobytes())
    made = through(tmp_path / "in.tif", tmp_path / "out.tif")
    assert made is not None
    inner = made.getexif().get_ifd(0x8769)
    assert float(inner[EXPOSURE]) == pytest.approx(0.01) and inner[LENS] == "50 mm"
    assert made.getexif().get_ifd(0x8825)[LATITUDE] == (52, 30, 0)


def test_exr(tmp_path: Path) -> None:
    words = {"owner": "me", "comments": "a word", "compression": "piz", "capDate": "2026:01:01 00:00:00"}
    saved(tmp_path / "in.exr", scene("float16"), **words)
    through(tmp_path / "in.exr", tmp_path / "out.exr")
    spec = oiio.ImageBuf(str(tmp_path / "out.exr")).spec()
    assert {name: spec.getattribute(name) for name in words} == words | {"owner": "me"} or spec["Copyright"] == "me"
    assert spec["compression"] == "piz"


def test_other_channels_of_exr_and_tiff_stay(tmp_path: Path) -> None:
    names = ("R", "G", "B", "A", "Z", "N.x")
    values = np.concatenate([scene("float16", 4), scene("float16", 2)], axis=-1)
    saved(tmp_path / "in.exr", values, channelnames=names)
    through(tmp_path / "in.exr", tmp_path / "out.exr")
    made = oiio.ImageBuf(str(tmp_path / "out.exr"))
    assert set(made.spec().channelnames) == set(names)
    for name in ("Z", "N.x"):
        place = list(made.spec().channelnames).index(name)
        assert np.array_equal(made.get_pixels(oiio.HALF)[..., place], values[..., names.index(name)])
    five = np.concatenate([scene("uint16", 4), scene("uint16", 1)], axis=-1)
    tifffile.imwrite(tmp_path / "in.tif", five, photometric="rgb", extrasamples=["unassalpha", "unspecified"])
    through(tmp_path / "in.tif", tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert np.array_equal(file.asarray()[..., 3:], five[..., 3:])
        assert [int(kind) for kind in file.pages[0].extrasamples] == [2, 0]


@pytest.mark.parametrize(("kind", "number"), [("assocalpha", 1), ("unassalpha", 2)])
def test_alpha_is_written_as_what_it_is(tmp_path: Path, kind: str, number: int) -> None:
    tifffile.imwrite(tmp_path / "in.tif", scene("uint16", 4), photometric="rgb", extrasamples=[kind])
    through(tmp_path / "in.tif", tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert [int(one) for one in file.pages[0].extrasamples] == [number]


def test_packing_with_loss_is_not_kept(tmp_path: Path) -> None:
    saved(tmp_path / "in.exr", scene("float16"), compression="dwaa")
    Image.fromarray(scene()).save(tmp_path / "in.tif", compression="jpeg")
    for name in ("in.exr", "in.tif"):
        through(tmp_path / name, tmp_path / f"out_{name}")
        assert "zip" in oiio.ImageBuf(str(tmp_path / f"out_{name}")).spec()["compression"]


def test_from_one_library_to_the_other(tmp_path: Path) -> None:
    Image.fromarray(scene()).save(tmp_path / "in.jpg", exif=exif(), dpi=(300, 300), icc_profile=P3_PROFILE)
    made = through(tmp_path / "in.jpg", tmp_path / "there.tif")
    assert made is not None and made.info["icc_profile"] == P3_PROFILE and made.info["dpi"] == (300, 300)
    assert made.getexif()[0x010F] == "Camera" and made.getexif().get_ifd(0x8769)[LENS] == "50 mm"
    back = through(tmp_path / "there.tif", tmp_path / "back.jpg")
    assert back is not None and back.info["icc_profile"] == P3_PROFILE and back.info["dpi"] == (300, 300)
    assert back.getexif()[0x010F] == "Camera" and back.getexif().get_ifd(0x8769)[LENS] == "50 mm"
    png = through(tmp_path / "there.tif", tmp_path / "back.png")
    assert png is not None and np.allclose(png.info["dpi"], (300, 300), atol=0.02) and png.getexif()[0x010F] == "Camera"


def test_ink_by_its_profile_is_said(tmp_path: Path) -> None:
    ink = Image.frombytes("CMYK", (56, 40), scene(channels=4).tobytes())
    ink.save(tmp_path / "in.jpg", icc_profile=ink_profile())
    assert read_picture(tmp_path / "in.jpg").notes == (
        f"{tmp_path / 'in.jpg'}: its CMYK became 8-bit sRGB by its profile 'made ink'",
    )
    made = through(tmp_path / "in.jpg", tmp_path / "out.jpg")
    assert made is not None and made.mode == "RGB" and "icc_profile" not in made.info


@POSIX
@pytest.mark.parametrize("given", [0o600, 0o640, 0o664, 0o444])
def test_a_private_file_stays_private(tmp_path: Path, given: int) -> None:
    mask = os.umask(0o002)
    try:
        Image.fromarray(scene()).save(tmp_path / "in.png")
        (tmp_path / "in.png").chmod(given)
        through(tmp_path / "in.png", tmp_path / "out.png")
        wanted = (given | 0o600) & 0o664
        assert stat.S_IMODE((tmp_path / "out.png").stat().st_mode) == wanted
        (tmp_path / "out.png").chmod(0o604)
        through(tmp_path / "in.png", tmp_path / "out.png")
        assert stat.S_IMODE((tmp_path / "out.png").stat().st_mode) == 0o604  # a former file's own
    finally:
        os.umask(mask)


@POSIX
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "real.png", tmp_path / "link.png"
    Image.fromarray(scene()).save(real)
    link.symlink_to(real)
    former = real.read_bytes()
    through(link, link)
    assert link.is_symlink() and link.resolve() == real and real.read_bytes() != former
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["elsewhere", "link.png"]
    assert [p.name for p in real.parent.iterdir()] == ["real.png"]
    link.unlink()
    link.symlink_to(tmp_path / "nowhere" / "gone.png")
    with pytest.raises(OSError, match="cannot write"), replacing(link):
        pass


@pytest.mark.parametrize("suffix", ["webp", "png", "tif"])
def test_adobe_rgb_that_became_srgb_is_no_longer_called_so(tmp_path: Path, suffix: str) -> None:
    """Otherwise it would be taken for Adobe RGB again when it becomes a JPEG."""
    said = exif()
    said.get_ifd(0x8769).update({0xA001: 65535, 0xA005: {1: "R03", 2: b"0100"}})
    flat = np.zeros((32, 32, 3), np.uint8) + np.array([60, 140, 90], np.uint8)
    Image.fromarray(flat).save(tmp_path / "in.jpg", exif=said, quality=98, subsampling=0)
    seen = read_picture(tmp_path / "in.jpg")
    assert seen.raster is not None and seen.raster.space is not None
    write_picture(tmp_path / f"a.{suffix}", seen.pixels, seen)
    once = read_picture(tmp_path / f"a.{suffix}")
    write_picture(tmp_path / "b.jpg", once.pixels, once)
    again = read_picture(tmp_path / "b.jpg")
    assert again.raster is not None and again.raster.space is None
    np.testing.assert_allclose(again.display.numpy(), seen.display.numpy(), atol=0.012)
    kept = Image.open(tmp_path / "b.jpg").getexif()
    assert kept[0x010F] == "Camera" and kept.get_ifd(0x8769)[LENS] == "50 mm"
