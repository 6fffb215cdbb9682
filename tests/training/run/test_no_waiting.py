"""A training step of the network that draws maps never makes the host wait for an accelerator."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch

from regharm_core import HarmonizerConfig, build_network
from regharm_core.network.profiles import SAMPLES, Rim
from regharm_core.training.run.losses import doubt_loss, foreground_mse
from regharm_core.training.run.optimizer import Muon, is_matrix


@pytest.mark.parametrize("matching", ["features", "content"])
def test_a_step_asks_the_device_nothing(matching: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The meta device, which holds no numbers, answers no question; it knows no autocast either."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    with torch.device("meta"):
        parts = {"eye": True, "blocks": 1, "overall": 16, "matching": matching, "doubt": True, "rim": 8, "told": True}
        config = HarmonizerConfig(layout="maps", translation="ptl", ptl_stride=16, view=64, **parts)
        net = build_network(config).train()
        image, mask = torch.empty(2, 3, 64, 64), torch.empty(2, 1, 64, 64)
        rim = Rim(torch.empty(2, 9, SAMPLES, 4), torch.empty(2, dtype=torch.bool))
    output = net(image, mask, rim=rim)
    judged = doubt_loss(output, image, mask)
    assert judged is not None
    (foreground_mse(output.image, image, mask) + judged).backward()
    learned = [p for p in net.parameters() if p.requires_grad]
    torch.nn.utils.clip_grad_norm_(learned, 1.0)
    assert all(p.grad is not None for p in learned)
    optimizer = Muon(learned, 1e-3, (0.9, 0.999), decay=0.1)
    optimizer.param_groups[0]["lr"] = torch.empty((), device="meta")  # where a recorded step reads it
    for parameter in learned:
        if is_matrix(parameter) and parameter.grad is not None:
            with torch.no_grad():
                optimizer._turn(parameter, parameter.grad, optimizer.param_groups[0]["lr"])
