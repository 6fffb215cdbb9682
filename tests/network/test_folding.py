"""Batch norms folded away: the same pictures, and nothing that a file or training would notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from regharm_core import HarmonizerConfig, HarmonizerNet, load_harmonizer, save_checkpoint
from regharm_core.network.folding import fold_norms
from regharm_core.store.checkpoint import load_network

CONFIGS: dict[str, dict[str, Any]] = {
    "gated": {},
    "ungated": {"gated": False, "refine": (1, 1, 1, 0)},
    "no matching, direct": {"ltl": (), "translation": "none", "residual": False},
    "RAIN and self-attention": {"ltl": (), "self_attention": (32,), "translation": "rain"},
}


def used(**fields: Any) -> HarmonizerNet:
    """A network as after training: nothing at its initial value, norms with statistics of their own."""
    torch.manual_seed(0)
    net = HarmonizerNet(HarmonizerConfig(**{"width": 2, "refine": (1, 0, 0, 1)} | fields))
    for parameter in net.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None:
            module.running_mean.normal_()
            module.running_var.uniform_(0.2, 3)
    return net.eval().requires_grad_(False)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_picture_is_the_same_within_rounding(name: str) -> None:
    net = used(**CONFIGS[name]).double()
    image, mask = torch.rand(2, 3, 64, 64, dtype=torch.float64), torch.zeros(2, 1, 64, 64, dtype=torch.float64)
    mask[..., 20:40, 10:50] = 1
    before = net(image, mask).prediction
    after = fold_norms(net)(image, mask).prediction
    assert before.std() > 0.01
    torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-9)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in net.modules())


def test_the_file_keeps_the_norms(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    net = used()
    save_checkpoint(net, path, facts={})
    kept = path.read_bytes()
    folded, (plain, _) = load_harmonizer(path), load_network(path)
    assert path.read_bytes() == kept
    assert set(plain.state_dict()) == set(net.state_dict()) != set(folded.state_dict())
    image, mask = torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64)
    mask[..., 32:] = 0
    with torch.inference_mode():
        torch.testing.assert_close(folded(image, mask).image, net(image, mask).image, rtol=1e-5, atol=1e-5)
