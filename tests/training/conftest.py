"""A handful of made photographs with region maps, in a tar as training reads them, and a miniature of iHarmony4."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regharm_core.training.data.iharmony4 import SUBSETS


def encoded(values: np.ndarray, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind, **({"lossless": True} if kind == "webp" else {}))
    return buffer.getvalue()


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures of two sizes; each has two regions."""
    path = tmp_path_factory.mktemp("photographs") / "train.tar"
    random = np.random.default_rng(0)
    with tarfile.open(path, "w") as archive:
        for n in range(6):
            height, width = (72, 96) if n % 2 else (96, 72)
            colours = random.integers(20, 230, (3, 3))
            regions = np.zeros((height, width), np.uint8)
            regions[10:50, 10:40], regions[55:70, 30:60] = 1, 2
            picture = colours[regions] + random.integers(-20, 20, (height, width, 1))
            for name, data in (
                (f"p{n}.webp", encoded(picture.clip(0, 255).astype(np.uint8), "webp")),
                (f"p{n}.png", encoded(regions, "png")),
            ):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def iharmony4(tmp_path: Path) -> Path:
    """The published layout: per subset two photographs, two masks of the first, two composites a mask."""
    root = tmp_path / "iHarmony4"
    random = np.random.default_rng(3)
    names = {"HCOCO": "c100", "HAdobe5k": "a000", "HFlickr": "f", "Hday2night": "d90-"}
    for number, subset in enumerate(SUBSETS):
        for room in ("composite_images", "masks", "real_images"):
            (root / subset / room).mkdir(parents=True)
        lists: dict[str, list[str]] = {"train": [], "test": []}
        for photograph in (1, 2):
            size = (60 + 10 * number, 80)
            real = random.integers(40, 200, (*size, 3)).astype(np.uint8) // 4 + 50 * number + 10
            stem = f"{names[subset]}{photograph}"
            save(real, root / subset / "real_images" / f"{stem}.jpg")
            for region in (1, 2):
                mask = np.zeros(size, np.uint8)
                mask[10 * region : 10 * region + 25, 20:60] = 255
                save(mask, root / subset / "masks" / f"{stem}_{region}.png")
                for version in (1, 2):
                    moved = np.where(mask[..., None] > 0, real // 2 + 4 * version, real).astype(np.uint8)
                    save(moved, root / subset / "composite_images" / f"{stem}_{region}_{version}.jpg")
                    lists["train" if photograph == 1 else "test"].append(f"{stem}_{region}_{version}.jpg")
        for split, lines in lists.items():
            (root / subset / f"{subset}_{split}.txt").write_text("\n".join(lines) + "\n")
    return root


def save(values: np.ndarray, path: Path) -> None:
    Image.fromarray(values).save(path, **({"quality": 98, "subsampling": 0} if path.suffix == ".jpg" else {}))
