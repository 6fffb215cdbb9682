"""A tiny network's weights file and a picture with its mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from regharm_core import HarmonizerConfig, HarmonizerNet, save_checkpoint


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that sees 64 px and changes colours strongly."""
    torch.manual_seed(0)
    net = HarmonizerNet(HarmonizerConfig(width=2, refine=(0, 0, 0, 0), gated=False, view=64))
    torch.nn.init.normal_(net.head.weight, std=0.2)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_checkpoint(net.eval(), path, facts={"images": 12, "licence": "CC0"})
    return path


@pytest.fixture
def values() -> np.ndarray:
    """A smooth picture of 40 x 60 px with a marked corner, H W 3 uint8."""
    y, x = np.mgrid[0:40, 0:60]
    picture = np.stack([60 + 2 * x, 70 + 3 * y, 120 + x], axis=-1).astype(np.uint8)
    picture[:4, :4] = (250, 10, 10)
    return picture


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    """A box in the middle."""
    box = np.zeros((40, 60), np.uint8)
    box[10:30, 20:45] = 255
    Image.fromarray(box).save(tmp_path / "mask.png")
    return tmp_path / "mask.png"
