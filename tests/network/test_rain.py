"""RainNet's module ("AdaIN" of Table 2) against loops over locations."""

from __future__ import annotations

import pytest
import torch

from regharm_core.network.rain import RAIN
from tests.network import slow
from tests.network.cases import CASES, assert_agree, features, mask_cases, shaken


@pytest.mark.parametrize("case", CASES)
def test_rain(case: str) -> None:
    module = shaken(RAIN(3))
    foreground, background = mask_cases(5, 6)[case]
    values = features(len(foreground), 3, 5, 6)
    names = ("foreground_scale", "foreground_shift", "background_scale", "background_shift")
    learned = [getattr(module, name)[0, :, 0, 0] for name in names]
    expected = [slow.rain(values[n], foreground[n, 0], background[n, 0], learned) for n in range(len(values))]
    assert_agree(module(values, foreground, background), torch.stack(expected), [values, *module.parameters()])
