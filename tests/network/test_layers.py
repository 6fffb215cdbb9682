"""Instance normalisation against loops, in every layout of memory in which a gradient may come."""

from __future__ import annotations

import pytest
import torch

from regharm_core.network.layers import instance_norm
from tests.network import slow
from tests.network.cases import TOLERANCE, features

LAYOUTS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


@pytest.mark.parametrize("given", LAYOUTS)
@pytest.mark.parametrize("gradient", LAYOUTS)
@pytest.mark.parametrize("batch", [1, 2])
def test_instance_norm(batch: int, gradient: str, given: str) -> None:
    values = features(batch, 3, 5, 6)
    expected = []
    for one in values:
        tokens = slow.pixels(one)
        mean, deviation = slow.statistics(list(tokens.values()), [1.0] * len(tokens))
        expected.append(slow.rebuild({place: (token - mean) / deviation for place, token in tokens.items()}, 5, 6))
    ours, looped = instance_norm(values.contiguous(memory_format=LAYOUTS[given])), torch.stack(expected)
    torch.testing.assert_close(ours, looped, rtol=TOLERANCE, atol=TOLERANCE)
    direction = torch.randn(ours.shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    direction = direction.contiguous(memory_format=LAYOUTS[gradient])
    mine, theirs = (torch.autograd.grad(answer, values, direction)[0] for answer in (ours, looped))
    torch.testing.assert_close(mine, theirs, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_instance_norm_in_half_precision(dtype: torch.dtype) -> None:
    values = features(2, 3, 32, 32).detach().to(dtype)
    short = instance_norm(values)
    assert short.dtype == dtype
    torch.testing.assert_close(short.float(), instance_norm(values.float()), rtol=0, atol=0.03)
