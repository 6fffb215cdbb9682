"""Transformer blocks against loops over images, heads, places and channels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from regharm_core.network.blocks import HEADS, Block, Blocks
from tests.network.cases import assert_agree, features, shaken


def normed(vector: Tensor, norm: torch.nn.LayerNorm) -> Tensor:
    mean = vector.sum() / len(vector)
    variance = (vector - mean).square().sum() / len(vector)
    return (vector - mean) / (variance + norm.eps) ** 0.5 * norm.weight + norm.bias


def looped(block: Block, tokens: Tensor, allowed: list[bool]) -> Tensor:
    """One image: L C."""
    channels = tokens.shape[1]
    size = channels // HEADS
    asks = [block.ask.weight @ normed(token, block.before) + block.ask.bias for token in tokens]
    answers: list[Tensor] = []
    for n, token in enumerate(tokens):
        told: list[Tensor] = []
        for head in range(HEADS):
            own = slice(head * size, (head + 1) * size)
            query = asks[n][:channels][own]
            scores = [(query * ask[channels : 2 * channels][own]).sum() / math.sqrt(size) for ask in asks]
            found, total = torch.zeros_like(query), 0.0
            for score, ask, may in zip(scores, asks, allowed, strict=True):
                if may:
                    found, total = found + score.exp() * ask[2 * channels :][own], total + score.exp()
            told.append(found / total)
        token = token + block.told.weight @ torch.cat(told) + block.told.bias
        wide = block.widen.weight @ normed(token, block.between) + block.widen.bias
        bent = torch.stack([value * (1 + torch.erf(value / math.sqrt(2))) / 2 for value in wide])
        answers.append(token + block.narrow.weight @ bent + block.narrow.bias)
    return torch.stack(answers)


@pytest.mark.parametrize("restricted", [False, True])
def test_it_agrees_with_loops(restricted: bool) -> None:
    blocks, given = shaken(Blocks(8, 2)), features(2, 8, 2, 3)
    made = [block for block in blocks.children() if isinstance(block, Block)]
    may = torch.tensor([[1.0, 0, 0.5, 0.49, 1, 0], [0, 0, 0, 0, 0, 0.4]]).view(2, 1, 2, 3).to(given)
    allowed = [[True, False, True, False, True, False], [True] * 6] if restricted else [[True] * 6] * 2
    expected: list[Tensor] = []
    for n in range(2):
        tokens = given[n].flatten(1).T
        for block in made:
            tokens = looped(block, tokens, allowed[n])
        expected.append(tokens.T.reshape(8, 2, 3))
    found = blocks(given, may if restricted else None)
    assert_agree(found, torch.stack(expected), [given, *blocks.parameters()])


def test_untrained_ones_change_nothing() -> None:
    given = torch.randn(2, 8, 3, 4)
    for count in (0, 3):
        assert torch.equal(Blocks(8, count)(given), given)


def test_what_may_not_be_asked_is_not() -> None:
    blocks, given = shaken(Blocks(8, 2)), features(1, 8, 3, 4).detach()
    allowed = torch.ones(1, 1, 3, 4)
    allowed[..., 2, 1:3] = 0
    hidden = allowed.expand_as(given) == 0
    first, second = (blocks(part, allowed) for part in (given, torch.where(hidden, 5 - given, given)))
    assert torch.equal(first[~hidden], second[~hidden])
    assert not torch.allclose(blocks(given), blocks(torch.where(hidden, 5 - given, given)))
