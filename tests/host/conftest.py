"""One host for all tests of this folder, if there is one to start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from regharm_core import HarmonizerConfig, HarmonizerNet, save_checkpoint
from regharm_core.pipeline import DEFAULT_WEIGHTS
from tests.host.browser import add_probe
from tests.host.server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running ComfyUI with tiny weights under the names of the bundled ones, which thereby win."""
    checkout = os.environ.get("COMFYUI_PATH")
    if not checkout:
        pytest.skip("COMFYUI_PATH is not set: name a ComfyUI checkout (and its python in COMFYUI_PYTHON)")
    if not (Path(checkout) / "main.py").is_file():
        pytest.skip(f"COMFYUI_PATH={checkout} holds no main.py")
    made = Server(Path(checkout), tmp_path_factory.mktemp("comfyui"))
    torch.manual_seed(0)
    net = HarmonizerNet(HarmonizerConfig(width=2, refine=(0, 0, 0, 0), gated=False))
    torch.nn.init.constant_(net.head.bias, 0.1)
    for name in DEFAULT_WEIGHTS:
        save_checkpoint(net.eval(), made.state / "models" / "harmonizers" / name, facts={})
    add_probe(made.state)
    made.start()
    yield made
    made.stop()
