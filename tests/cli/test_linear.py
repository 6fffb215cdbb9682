"""Scene-linear files: EXR by itself, others when told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from regharm_core import harmonize, load_harmonizer
from regharm_core.cli import main
from regharm_core.media.primaries import decode, encode
from regharm_core.media.reading import read_picture
from regharm_core.media.writing import write_picture


def run(tmp_path: Path, weights: Path, mask: Path, given: np.ndarray, *more: str) -> np.ndarray:
    tifffile.imwrite(tmp_path / "in.tif", given, photometric="rgb")
    paths = [str(path) for path in (tmp_path / "in.tif", mask)]
    assert (
        main(
            ["harmonize", *paths, "-o", str(tmp_path / "out.tif"), "--weights", str(weights), "--device", "cpu", *more]
        )
        == 0
    )
    return tifffile.imread(tmp_path / "out.tif")


@pytest.mark.parametrize("option", [None, "--linear", "--no-linear"])
@pytest.mark.parametrize("floating", [True, False])
def test_by_itself_or_when_told(
    tmp_path: Path, weights: Path, values: np.ndarray, mask: Path, floating: bool, option: str | None
) -> None:
    light = (values / 255.0) ** 2.2
    given = light.astype(np.float32) if floating else (light * 65535).astype(np.uint16)
    made = run(tmp_path, weights, mask, given, *([option] if option else []))
    linear = option == "--linear" or (floating and option is None)
    picture = torch.from_numpy(given / (1 if floating else 65535)).float().permute(2, 0, 1)[None]
    white = torch.zeros(1, 1, 40, 60)
    white[..., 10:30, 20:45] = 1
    wanted = harmonize(load_harmonizer(weights), picture, white, encoding="linear" if linear else "sRGB")
    answer = torch.from_numpy(made / (1 if floating else 65535)).float().permute(2, 0, 1)[None]
    torch.testing.assert_close(answer, wanted, rtol=0, atol=2e-4)
    assert np.array_equal(made[:8], given[:8])


def test_linear_light_is_encoded_for_other_formats_and_display_values_decoded(
    tmp_path: Path, weights: Path, values: np.ndarray, mask: Path
) -> None:
    """Outside of the mask the picture must look the same, whatever it is written as."""

    def made(given: Path, out: str, *more: str) -> np.ndarray:
        words = ["harmonize", str(given), str(mask), "-o", str(tmp_path / out), "--weights", str(weights)]
        assert main([*words, "--device", "cpu", *more]) == 0
        return read_picture(tmp_path / out).display[0].permute(1, 2, 0).numpy()[:8]

    shown = values[:8].astype(np.float32) / 255
    light = decode(values.astype(np.float32) / 255)
    tifffile.imwrite(tmp_path / "light.tif", (light * 65535).round().astype(np.uint16), photometric="rgb")
    for out in ("a.exr", "a.png", "a.pfm"):
        np.testing.assert_allclose(made(tmp_path / "light.tif", out, "--linear"), shown, atol=0.01)
    as_it_is = made(tmp_path / "light.tif", "b.png")
    np.testing.assert_allclose(as_it_is, light[:8], atol=0.01)
    Image.fromarray(values).save(tmp_path / "p.png")
    np.testing.assert_allclose(made(tmp_path / "p.png", "c.exr"), shown, atol=0.01)
    np.testing.assert_allclose(made(tmp_path / "p.png", "d.exr", "--linear"), encode(shown), atol=0.01)
    same = made(tmp_path / "p.png", "e.png", "--linear")
    assert np.array_equal(same, shown)
    made(tmp_path / "p.png", "f.exr", "--linear", "--strength", "0")
    np.testing.assert_allclose(made(tmp_path / "f.exr", "g.png", "--no-linear", "--strength", "0"), shown, atol=0.01)


def test_two_formats_of_one_name_are_not_one_light(tmp_path: Path) -> None:
    """PFM is linear, PPM is not; both are PNM."""
    grey = np.full((32, 32, 3), 188, np.uint8)
    Image.fromarray(grey).save(tmp_path / "in.ppm")
    shown = grey[0, 0, 0] / 255
    for given, out in (("in.ppm", "a.pfm"), ("a.pfm", "b.ppm"), ("b.ppm", "c.pnm")):
        picture = read_picture(tmp_path / given)
        write_picture(tmp_path / out, picture.pixels, picture)
        assert float(read_picture(tmp_path / out).display.mean()) == pytest.approx(shown, abs=0.004)
