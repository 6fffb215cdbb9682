"""A training step of the network that draws maps never makes the host wait for an accelerator."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from regharm_core import HarmonizerConfig, build_network
from regharm_core.training.run.losses import doubt_loss, foreground_mse
from regharm_core.training.run.optimizer import Muon


def test_a_step_asks_the_device_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The meta device, which holds no numbers, answers no question; it knows no autocast either."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    with torch.device("meta"):
        config = HarmonizerConfig(
            layout="maps", eye=True, overall=16, matching="content", translation="none", doubt=True, view=64
        )
        net = build_network(config).train()
        image, mask = torch.empty(2, 3, 64, 64), torch.empty(2, 1, 64, 64)
    output = net(image, mask)
    judged = doubt_loss(output, image, mask)
    assert judged is not None
    (foreground_mse(output.image, image, mask) + judged).backward()
    learned = [p for p in net.parameters() if p.requires_grad]
    torch.nn.utils.clip_grad_norm_(learned, 1.0)
    assert all(p.grad is not None for p in learned)
    Muon(learned, 1e-3, (0.9, 0.999)).step()
