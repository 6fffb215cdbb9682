"""In training on a GPU every location is a token, so that nobody has to count them; the answers are the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from einops import rearrange
from torch import Tensor

from regharm_core.network import attention, content, ltl, ptl
from regharm_core.network.attention import Tokens
from tests.network.cases import CASES, features, mask_cases, shaken


def everywhere(values: Tensor, selected: Tensor) -> Tokens:
    """What ``gather_tokens`` gives there."""
    chosen = rearrange(selected, "b h w -> b (h w)")
    index = torch.arange(chosen.shape[1]).expand_as(chosen)
    return Tokens(rearrange(values, "b c h w -> b (h w) c"), index, chosen, packed=False)


def all_rows(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    allowed: Tensor,
    temperature: float,
    valid: Any = None,
    heads: int = 1,
) -> Tensor:
    """``attend`` without leaving out the padding, as there."""
    return attention.attend(queries, keys, values, allowed, temperature, None, heads)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("part", ["ltl", "ptl", "content"])
def test_packed_tokens_and_all_locations_agree(part: str, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    foreground, background = mask_cases(8, 8)[case]
    count = len(foreground)
    given = features(count, 8, 8, 8)
    if part == "ltl":
        layer = shaken(ltl.LTL(8))
        inputs = (given, foreground, background)
    elif part == "ptl":
        layer = shaken(ptl.PTL(8, 4, 8))
        inputs = (given, foreground, background)
    else:
        layer = shaken(content.ContentMatch(8, 5))
        image = torch.rand(count, 3, 16, 16, dtype=torch.float64)
        inputs = (given, features(count, 5, 8, 8), image, foreground, background)
    packed, _ = layer(*inputs)
    for module in (ltl, ptl, content):
        monkeypatch.setattr(module, "gather_tokens", everywhere)
        monkeypatch.setattr(module, "attend", all_rows)
    whole, _ = layer(*inputs)
    torch.testing.assert_close(whole, packed, atol=1e-9, rtol=1e-9)
