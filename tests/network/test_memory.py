"""PTL holds no block twice, attention has rows for foreground queries only, and large maps are not kept."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from benchmarks.memory import added
from regharm_core.network import attention
from regharm_core.network.ltl import LTL
from regharm_core.network.ptl import PTL

CPU = torch.device("cpu")


def test_blocks_are_never_cut_out() -> None:
    _, largest = added(PTL(16), 16, 128, 1, CPU, share=0.05)
    whole = 29 * 29 * 16 * 16 * 16 * 4 / 1e6  # K x C x h x w in MB
    assert largest < whole / 4


def test_attention_holds_what_is_asked_and_what_may_answer() -> None:
    """The largest tensor is the softmax: a row a foreground location, a column a block that holds background."""
    for share, rows, columns in ((0.1, 13, 29), (0.3, 38, 23)):  # of 128 rows, and of 29 rows of 29 blocks
        _, largest = added(PTL(4), 4, 128, 1, CPU, share=share)
        assert largest == pytest.approx(rows * 128 * columns * 29 * 4 / 1e6)


def test_large_maps_are_not_kept() -> None:
    peak, largest = added(LTL(8), 8, 64, 1, CPU, share=0.1)
    whole = 4096 * 4096 * 4 / 1e6  # the map of the self-attention in front
    assert largest < whole / 4 and peak < whole


def gradients(module: nn.Module, features: Tensor, foreground: Tensor) -> list[Tensor]:
    features = features.clone().requires_grad_()
    made, _ = module(features, foreground, 1 - foreground)
    return list(torch.autograd.grad(made.sin().sum(), [features, *module.parameters()]))


@pytest.mark.parametrize("kind", [LTL, PTL])
def test_what_is_computed_again_is_the_same(kind: type[nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    module = kind(8).double()
    if isinstance(module, LTL):
        nn.init.constant_(module.self_attention.gain, 0.5)
    features = torch.randn(2, 8, 32, 32, dtype=torch.float64)
    foreground = torch.zeros(2, 1, 32, 32, dtype=torch.float64)
    foreground[0, :, 5:20, 3:30], foreground[1, :, 2:4, 2:9] = 1, 0.7
    kept = gradients(module, features, foreground)
    monkeypatch.setattr(attention, "KEPT_ELEMENTS", 4096)
    again = gradients(module, features, foreground)
    for one, other in zip(kept, again, strict=True):
        torch.testing.assert_close(one, other)
