"""Where OpenImageIO is absent: what Pillow does well still works, and all else says in one line what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from regharm_core import InputError
from regharm_core.media.masks import read_mask
from regharm_core.media.picture import Picture
from regharm_core.media.reading import read_picture
from regharm_core.media.writing import check_output, write_picture
from tests.media.corpus import openimageio, pillow, tiff
from tests.media.corpus.profiles import ADOBE_PROFILE, ADOBE_RGB, DISPLAY_P3, P3_PROFILE, shown_as_srgb
from tests.media.corpus.row import of_file, scene

ROOT = Path(__file__).resolve().parents[2]
NEEDED = [
    *(row for row in tiff.ROWS if row.what in ("TIFF, RGB uint8", "TIFF, RGB uint16", "TIFF, grey float32")),
    *(row for row in openimageio.ROWS if not row.refused),
]
ALONE = [row for row in pillow.ROWS if not row.refused and row.file.endswith(("png", "jpg", "webp", "bmp", "jfif"))]
INSTALL = "pip install OpenImageIO"


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it had never been installed."""
    monkeypatch.setitem(sys.modules, "OpenImageIO", None)


def test_it_is_not_imported_before_it_is_needed() -> None:
    script = "import sys, regharm_core, regharm_core.cli, regharm_core.media.masks; print('OpenImageIO' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("row", NEEDED, ids=lambda row: row.what)
def test_what_needs_it_says_so(row: pillow.Row, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    row.write(tmp_path / row.file)
    request.getfixturevalue("absent")
    with pytest.raises(InputError) as refused:
        read_picture(tmp_path / row.file)
    assert INSTALL in str(refused.value) and row.file in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["out.tif", "out.exr", "out.jxl"])
def test_outputs_that_need_it_are_refused_before_any_work(absent: None, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as refused:
        check_output(tmp_path / name, Picture(torch.zeros(1, 3, 20, 20), None, 8))
    assert INSTALL in str(refused.value) and name in str(refused.value)
    with pytest.raises(InputError, match="pip install OpenImageIO"):
        check_output(tmp_path / "out.png", Picture(torch.zeros(1, 3, 20, 20), None, 16))


@pytest.mark.parametrize("row", ALONE, ids=lambda row: row.what)
def test_what_pillow_does_well(absent: None, row: pillow.Row, tmp_path: Path) -> None:
    values = row.write(tmp_path / row.file)
    assert values is not None
    picture = read_picture(tmp_path / row.file)
    assert picture.raster is not None
    assert np.abs(of_file(picture.raster).astype(int) - values).max() <= row.steps
    write_picture(tmp_path / f"out_{row.file}", picture.pixels, picture, source=tmp_path / row.file)
    again = read_picture(tmp_path / f"out_{row.file}")
    assert again.raster is not None and np.array_equal(again.raster.values, picture.raster.values)


def test_masks(absent: None, tmp_path: Path) -> None:
    box = np.zeros((40, 56), np.uint8)
    box[10:20, 10:30] = 255
    for values in (box, box.astype(np.uint16) * 257):
        Image.fromarray(values).save(tmp_path / "mask.png")
        assert np.array_equal(read_mask(tmp_path / "mask.png")[0, 0].numpy(), box / 255)


@pytest.mark.parametrize(
    ("profile", "primaries", "gamma"), [(P3_PROFILE, DISPLAY_P3, None), (ADOBE_PROFILE, ADOBE_RGB, 563 / 256)]
)
def test_wide_gamuts_by_little_cms(
    absent: None, tmp_path: Path, profile: bytes, primaries: tuple[float, ...], gamma: float | None
) -> None:
    """At 8 bits: shown within some steps, the change carried within some, the rest untouched."""
    values = scene()
    values[0, 0] = (0, 255, 0)
    Image.fromarray(values).save(tmp_path / "in.png", icc_profile=profile)
    picture = read_picture(tmp_path / "in.png")
    shown = picture.pixels[0].permute(1, 2, 0).numpy()
    assert np.abs(shown - shown_as_srgb(values / 255, primaries, gamma)).max() < 0.025
    answer = picture.pixels.clone()
    answer[..., 20:, :] *= 0.9
    write_picture(tmp_path / "out.png", answer, picture)
    made = np.asarray(Image.open(tmp_path / "out.png"))
    assert np.array_equal(made[:20], values[:20]) and Image.open(tmp_path / "out.png").info["icc_profile"] == profile
    seen = shown_as_srgb(made[20:] / 255, primaries, gamma)
    apart = np.abs(seen - answer[0].permute(1, 2, 0).numpy()[20:])
    assert apart.max() < 0.04 and apart.mean() < 0.005


@pytest.mark.parametrize("name", ["text.png", "text.jpg"])
def test_what_is_no_picture_is_not_sent_to_install(absent: None, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("hello")
    with pytest.raises(InputError, match="not a picture that can be read"):
        read_picture(tmp_path / name)
