"""The shipped pictures, and the forms a sample may have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

NODE = "RegHarmSample"


@pytest.fixture
def folder(pack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pack.module("nodes.sample_composite"), "SAMPLES", tmp_path)
    return tmp_path


def picture(mode: str, value: int = 100) -> Image.Image:
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    return Image.fromarray(np.full((20, 30, *channels), value, np.uint8), mode)


def test_mask_file_alpha_or_none(pack: Any, folder: Path) -> None:
    picture("RGB").save(folder / "scene.png")
    picture("L", 255).save(folder / "scene_mask.png")
    picture("RGB").save(folder / "scene_real.png")
    picture("RGBA", 51).save(folder / "cutout.png")
    picture("RGB").save(folder / "background.png")
    assert pack.module("nodes.sample_composite").sample_names() == ["background", "cutout", "scene"]
    for name, value in (("scene", 1.0), ("cutout", 0.2), ("background", 0.0)):
        image, mask = pack.run(NODE, name)
        assert image.shape == (1, 20, 30, 3) and mask.shape == (1, 20, 30)
        assert float(mask.mean()) == pytest.approx(value)


def test_frames(pack: Any, folder: Path) -> None:
    first, *others = [picture("RGB", 40 * n) for n in range(4)]
    first.save(folder / "clip.png", save_all=True, append_images=others)
    image, mask = pack.run(NODE, "clip")
    assert image.shape == (4, 20, 30, 3) and mask.shape == (4, 20, 30)
    assert torch.allclose(image[:, 0, 0, 0], torch.tensor([0, 40, 80, 120]) / 255)


@pytest.mark.parametrize("name", ["../secret", "absent"])
def test_other_names_are_refused(pack: Any, folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no sample"):
        pack.run(NODE, name)


def test_every_shipped_sample_opens(pack: Any) -> None:
    names = pack.module("nodes.sample_composite").sample_names()
    assert len(names) >= 3
    for name in names:
        image, mask = pack.run(NODE, name)
        assert image.shape[:3] == mask.shape and image.shape[3] == 3
        assert 0 <= float(image.amin()) and float(image.amax()) <= 1
