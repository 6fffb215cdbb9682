"""Scene-linear files: EXR by itself, others when told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from regharm_core import harmonize, load_harmonizer
from regharm_core.cli import main


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
