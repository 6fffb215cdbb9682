"""Folders as people keep them: suffixes, names of masks, what systems leave behind, and the closing line."""

from __future__ import annotations

import json
import shutil
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regharm_core import InputError
from regharm_core.cli import main
from regharm_core.media.folders import Partners, pictures_in
from tests.media.corpus.openimageio import saved

LITTER = ("Thumbs.db", ".DS_Store", "desktop.ini", "._a.png", ".hidden.png", "notes.txt")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: Path, mask: Path) -> None:
    """A folder to stand in, with P/ and M/."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(weights, "w.safetensors")
    for folder in ("P", "M"):
        Path(folder).mkdir()


def harmonized(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> list[str]:
    """The lines on stderr."""
    assert main(["harmonize", *arguments, "-o", "out", "--weights", "w.safetensors", "--device", "cpu"]) == status
    return capsys.readouterr().err.splitlines()


def made() -> list[str]:
    return sorted(p.name for p in Path("out").iterdir())


def litter(folder: str) -> None:
    for name in LITTER:
        (Path(folder) / name).write_bytes(b"no picture")


@pytest.mark.parametrize("suffix", [".bmp", ".avif", ".jfif", ".JPG", ".jpe", ".PNG", ".webp", ".Tiff"])
def test_suffixes(values: np.ndarray, mask: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    kind = {".jfif": "JPEG", ".jpe": "JPEG"}.get(suffix.lower())
    Image.fromarray(values).save(f"P/a{suffix}", kind)
    assert harmonized(capsys, "P", str(mask)) == ["1/1 done"]
    assert made() == [f"a{suffix}"]


def test_suffixes_that_are_read_only(values: np.ndarray, mask: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(values).save("P/a.gif")
    Image.fromarray(values).save("P/b.jp2")
    saved(Path("P/c.exr"), values.astype(np.float32) / 255)
    assert harmonized(capsys, "P", str(mask)) == ["3/3 done"]
    assert made() == ["a.png", "b.tif", "c.exr"]
    Image.fromarray(values).save("P/a.png")
    said = harmonized(capsys, "P", str(mask), status=2)[0]
    assert "several composites would become a.png (P/a.gif and P/a.png)" in said


@pytest.mark.parametrize(
    ("picture", "masked"),
    [
        ("a.png", "a.png"),
        ("a.jpg", "a.tif"),
        ("a.png", "a_mask.png"),
        ("a.png", "a-mask.png"),
        ("a.png", "mask_a.png"),
        ("a.png", "A.PNG"),
        ("IMG_1.JPG", "img_1_MASK.png"),
        ("c100_3_12.jpg", "c100_3.png"),
        (unicodedata.normalize("NFC", "caf\u00e9.png"), unicodedata.normalize("NFD", "caf\u00e9.png")),
        (unicodedata.normalize("NFD", "caf\u00e9.png"), unicodedata.normalize("NFC", "caf\u00e9_mask.png")),
    ],
)
def test_names_of_masks(
    values: np.ndarray, mask: Path, capsys: pytest.CaptureFixture[str], picture: str, masked: str
) -> None:
    Image.fromarray(values).save(f"P/{picture}")
    Image.open(mask).save(f"M/{masked}")
    litter("P")
    litter("M")
    assert harmonized(capsys, "P", "M") == ["1/1 done; 1 other file left alone"]
    assert made() == [picture]


@pytest.mark.parametrize(
    ("picture", "other"), [("a_2.png", "a.png"), ("a_1_b.png", "a_1.png"), ("ab.png", "a_mask.png")]
)
def test_names_of_other_pictures_masks(picture: str, other: str) -> None:
    with pytest.raises(InputError, match="holds no mask for"):
        Partners([Path("M") / other], Path("M")).mask_of(Path("P") / picture)


def test_the_name_spelled_alike_comes_first() -> None:
    """Two masks that differ in case only, as Linux allows them."""
    both = Partners([Path("M/A.png"), Path("M/a.png")], Path("M"))
    assert both.mask_of(Path("P/a.jpg")).name == "a.png" and both.mask_of(Path("P/A.jpg")).name == "A.png"
    with pytest.raises(InputError, match=r"several masks for a.jpg: a.png and a_mask.png"):
        Partners([Path("M/a.png"), Path("M/a_mask.png")], Path("M")).mask_of(Path("P/a.jpg"))


def test_pictures_and_masks_in_one_folder(values: np.ndarray, mask: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "ab":
        Image.fromarray(values).save(f"P/{name}.png")
    said = harmonized(capsys, "P", "P", status=2)
    assert len(said) == 1 and "each picture would be its own mask" in said[0] and not Path("out").exists()
    for name in ("a_mask.png", "mask_B.png"):
        Image.open(mask).save(f"P/{name}")
    assert harmonized(capsys, "P", "P") == ["2/2 done"]
    assert made() == ["a.png", "b.png"]
    assert np.array_equal(np.asarray(Image.open("out/a.png"))[:8], values[:8])
    Path("P/a_mask.png").unlink()
    said = harmonized(capsys, "P", "./P", status=2)
    assert "no mask for a.png" in said[0] and said[1] == "1/2 done; skipped: 1 without exactly one mask"


def test_the_closing_line(values: np.ndarray, mask: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "abcd":
        Image.fromarray(values).save(f"P/{name}.png")
        Image.open(mask).save(f"M/{name}.png")
    Path("P/c.png").write_bytes(b"no picture")
    Path("M/d.png").unlink()
    Image.new("L", (60, 40)).save("M/b.png")
    litter("P")
    said = harmonized(capsys, "P", "M", status=2)
    assert "no mask for d.png" in said[0] and "M/b.png is black everywhere" in said[1] and "P/c.png" in said[2]
    skipped = "skipped: 1 without exactly one mask, 1 that could not be done"
    assert said[3:] == [f"2/4 done; {skipped}; 1 other file left alone"] and made() == ["a.png", "b.png"]


def test_an_interrupted_run_says_how_far_it_came(
    values: np.ndarray, mask: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the second of four is written: the first is whole, of the second nothing is there."""
    for name in "abcd":
        Image.fromarray(values).save(f"P/{name}.png")
    Path("P/a.png").write_bytes(b"no picture")
    write, calls = Path.write_bytes, list[Path]()

    def interrupted(self: Path, data: bytes) -> int:
        calls.append(self)
        if len(calls) == 2:
            write(self, data[: len(data) // 2])
            raise KeyboardInterrupt
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    said = harmonized(capsys, "P", str(mask), status=130)
    assert "P/a.png" in said[0]
    assert said[1:] == ["1/4 done; skipped: 1 that could not be done, 2 left undone", "interrupted"]
    assert [p.name for p in Path("out").iterdir()] == ["b.png"] and Image.open("out/b.png").size == (60, 40)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_that_leads_nowhere_is_named(values: np.ndarray, mask: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(values).save("P/a.png")
    Path("P/b.png").symlink_to("gone.png")
    said = harmonized(capsys, "P", str(mask), status=2)
    assert said == [
        "error: no such picture: P/b.png, it is a link to gone.png",
        "1/2 done; skipped: 1 that could not be done",
    ]


def test_results_whose_names_differ_in_case_only(
    values: np.ndarray, mask: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One would overwrite the other on Windows and on a Mac; what lay side by side before may do so again."""
    Image.fromarray(values).save("P/b.PNG")
    Image.fromarray(values).save("P/b.gif")
    assert "several composites would become b.p" in harmonized(capsys, "P", str(mask), status=2)[0].lower()
    Path("P/b.gif").unlink()
    Image.fromarray(values).save("P/B.png")
    before = len(list(Path("P").iterdir()))  # one where the system takes them for one
    assert harmonized(capsys, "P", str(mask)) == [f"{before}/{before} done"]
    assert len(made()) == before


def test_a_folder_where_a_picture_should_be_is_no_picture(values: np.ndarray) -> None:
    Image.fromarray(values).save("P/a.png")
    Path("P/b.png").mkdir()
    litter("P")
    assert [p.name for p in pictures_in(Path("P"))] == ["a.png"]


def test_evaluate_keeps_folders_alike(values: np.ndarray, mask: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Litter, names of masks, several composites of one truth, orientation, a mask of values 0 and 1."""
    for kind in ("real", "composite", "mask"):
        Path(f"pairs/{kind}").mkdir(parents=True)
        litter(f"pairs/{kind}")
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(values)))
    stored.save("pairs/composite/c1_1_1.png", exif=exif)
    stored.save("pairs/composite/c1_1_2.png", exif=exif)
    Image.fromarray(values).save("pairs/composite/d.PNG")
    Image.fromarray(values).save("pairs/real/c1.png")
    Image.fromarray(values).save("pairs/real/D.tif")
    Image.fromarray((np.asarray(Image.open(mask)) > 0).astype(np.uint8)).save("pairs/mask/c1_1.png")
    Image.open(mask).save("pairs/mask/d_mask.png")
    given = ["evaluate", "pairs", "--size", "full", "--weights", "w.safetensors", "--json", "f.json", "--device", "cpu"]
    assert main(given) == 0
    assert "3 images" in capsys.readouterr().out
    rows = json.loads(Path("f.json").read_text())["per_image"]
    assert [row["name"] for row in rows] == ["c1_1_1", "c1_1_2", "d"]
    assert all(row["composite"]["mse"] == 0 for row in rows)  # turned upright, each is its truth
    assert rows[0]["harmonized"] == pytest.approx(rows[2]["harmonized"])  # and so the masks are the same
