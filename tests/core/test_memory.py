"""PTL holds no block twice: its largest tensor, and attention rows for foreground queries only."""

from __future__ import annotations

import torch

from benchmarks.memory import added
from regharm_core.ptl import PTL

CPU = torch.device("cpu")


def test_blocks_are_never_cut_out() -> None:
    _, largest = added(PTL(16), 16, 128, 1, CPU, share=0.05)
    whole = 29 * 29 * 16 * 16 * 16 * 4 / 1e6  # K x C x h x w in MB
    assert largest < whole / 4


def test_attention_grows_with_the_foreground() -> None:
    few, many = (added(PTL(4), 4, 128, 1, CPU, share=share)[1] for share in (0.25, 0.75))
    assert 2.5 < many / few < 3.5  # the largest tensor is the softmax: one row a foreground location
