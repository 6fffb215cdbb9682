"""PTL holds no block twice; a large picture passes in little more than its answer."""

from __future__ import annotations

import sys

import pytest
import torch

from benchmarks.memory import added
from regharm_core import HarmonizerConfig, HarmonizerNet, harmonize
from regharm_core.ptl import PTL

CPU = torch.device("cpu")


def test_blocks_are_never_cut_out() -> None:
    _, largest = added(PTL(16), 16, 128, 1, CPU, share=0.05)
    whole = 29 * 29 * 16 * 16 * 16 * 4 / 1e6  # K x C x h x w in MB
    assert largest < whole / 4


def test_attention_grows_with_the_foreground() -> None:
    few, many = (added(PTL(4), 4, 128, 1, CPU, share=share)[1] for share in (0.25, 0.75))
    assert 2.5 < many / few < 3.5  # the largest tensor is the softmax: one row a foreground location


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
@pytest.mark.parametrize("context", [None, 1.6])
def test_a_large_picture_takes_less_than_three_times_its_size(context: float | None) -> None:
    from benchmarks.peak import Peak

    net = HarmonizerNet(HarmonizerConfig(width=1, gated=False, refine=(0, 0, 0, 0), view=64)).eval()
    image, mask = torch.rand(1, 3, 2048, 2048), torch.zeros(1, 1, 2048, 2048)
    mask[..., 200:1900, 300:1800] = 0.5
    harmonize(net, image[..., :256, :512], mask[..., :256, :512], context=context)  # what is loaded once
    with Peak() as peak:
        harmonize(net, image, mask, context=context)
    assert peak.grown < 3 * image.numel() * 4 / (1 << 20)
