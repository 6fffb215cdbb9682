"""A tiny network with a strong answer, and each device that is here."""

from __future__ import annotations

import pytest
import torch

from regharm_core import HarmonizerConfig, HarmonizerNet


@pytest.fixture(params=["cpu", "cuda", "mps"])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Tests that ask for it run once a device."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[request.param]:
        pytest.skip(f"no {request.param} device here")
    return torch.device(request.param)


@pytest.fixture(scope="session")
def model() -> HarmonizerNet:
    """Sees 64 px; its head is not zero, so that it changes pictures strongly."""
    torch.manual_seed(0)
    net = HarmonizerNet(HarmonizerConfig(width=1, refine=(0, 0, 0, 0), gated=False, view=64))
    torch.nn.init.normal_(net.head.weight, std=0.3)
    return net.eval().requires_grad_(False)
