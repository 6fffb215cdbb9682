"""A handful of made photographs with region maps, in a tar as training reads them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


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
