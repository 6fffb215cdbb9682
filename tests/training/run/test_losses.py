"""The foreground-normalised mean squared error against the loops of Eq. 8."""

from __future__ import annotations

import pytest
import torch

from regharm_core.training.run.losses import A_MIN, foreground_mse
from tests.network import slow
from tests.network.cases import CASES, assert_agree, mask_cases


@pytest.mark.parametrize("minimum", [1.0, 20.0, A_MIN])
@pytest.mark.parametrize("case", CASES)
def test_equation_8(case: str, minimum: float) -> None:
    mask, _ = mask_cases(7, 6)[case]
    generator = torch.Generator().manual_seed(8)
    shape = (len(mask), 3, 7, 6)
    output = torch.rand(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    target = torch.rand(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    each = [slow.foreground_mse(output[n], target[n], mask[n, 0], minimum) for n in range(len(mask))]
    assert_agree(foreground_mse(output, target, mask, minimum), torch.stack(each).mean(), [output, target])


def test_some_composites_count_more() -> None:
    output, target = torch.rand(2, 3, 3, 8, 8, dtype=torch.float64)
    mask = torch.rand(3, 1, 8, 8, dtype=torch.float64)
    each = [slow.foreground_mse(output[n], target[n], mask[n, 0], 1.0) for n in range(3)]
    ours = foreground_mse(output, target, mask, 1.0, torch.tensor([1.0, 0.0, 3.0]))
    assert ours == pytest.approx(float(each[0] + 3 * each[2]) / 3)


def test_the_smallest_area_is_the_papers() -> None:
    output, target, mask = torch.ones(1, 3, 16, 16), torch.zeros(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)
    assert float(foreground_mse(output, target, mask)) == pytest.approx(3 * 256 / 100)
