"""Tiny networks with a strong answer, and each device that is here."""

from __future__ import annotations

import pytest
import torch

from regharm_core import HarmonizerConfig, HarmonizerNet
from regharm_core.network.face import Harmonizer
from tests.network.mapnets import EVERYTHING, lively


@pytest.fixture(params=["cpu", "cuda", "mps"])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Tests that ask for it run once a device."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[request.param]:
        pytest.skip(f"no {request.param} device here")
    return torch.device(request.param)


@pytest.fixture(scope="session", params=["pixels", "maps"])
def model(request: pytest.FixtureRequest) -> Harmonizer:
    """One of each layout; sees 64 px; its last layer is not zero, so that it changes pictures strongly."""
    if request.param == "maps":
        return lively(**EVERYTHING).requires_grad_(False)
    torch.manual_seed(0)
    net = HarmonizerNet(HarmonizerConfig(width=1, refine=(0, 0, 0, 0), gated=False, view=64))
    torch.nn.init.normal_(net.head.weight, std=0.3)
    return net.eval().requires_grad_(False)
