"""Golden pictures: what the bundled weights make of the samples, pixel by pixel.

New weights make new pictures: run once with REGHARM_NEW_SNAPSHOT=1, look at tests/golden, and commit them.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from regharm_core import attention_map, harmonize, load_harmonizer
from regharm_core.pipeline import default_weights

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = Path(__file__).resolve().parent.parent / "assets" / "samples"
TOLERANCE = 2.5 / 255  # per pixel: rounding to 8 bits, and other CPUs
SIDE = 160  # px, the longer side of the stored pictures


def opened(path: Path, mode: str) -> Tensor:
    values = torch.from_numpy(np.array(Image.open(path).convert(mode))).float() / 255
    return values[None, None] if mode == "L" else values.permute(2, 0, 1)[None]


@pytest.mark.parametrize("name", ["cup", "astronaut", "shuttle"])
@pytest.mark.parametrize("kind", ["harmonized", "attention"])
def test_as_it_was(name: str, kind: str) -> None:
    image, mask = opened(SAMPLES / f"{name}.png", "RGB"), opened(SAMPLES / f"{name}_mask.png", "L")
    scale = SIDE / max(image.shape[-2:])
    size = [round(side * scale) for side in image.shape[-2:]]
    image, mask = (F.interpolate(x, size, mode="bilinear", antialias=True) for x in (image, mask))
    model = load_harmonizer(default_weights())
    made = harmonize(model, image, mask) if kind == "harmonized" else attention_map(model, image, mask).expand_as(image)
    path = GOLDEN / f"{name}_{kind}.png"
    if os.environ.get("REGHARM_NEW_SNAPSHOT"):
        GOLDEN.mkdir(exist_ok=True)
        Image.fromarray((made[0].permute(1, 2, 0) * 255).round().byte().numpy()).save(path)
    off = (made - opened(path, "RGB")).abs()
    assert float(off.max()) < TOLERANCE * (1 if kind == "harmonized" else 3), f"{name}: off by {float(off.max()):.4f}"
