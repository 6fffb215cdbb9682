"""Locations-to-location translation against the loops of Eq. 1 and 2, and its self-attention layer."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from regharm_core.network.layers import instance_norm
from regharm_core.network.ltl import LTL, SelfAttention
from tests.network import slow
from tests.network.cases import CASES, assert_agree, features, mask_cases, shaken


def looped(module: LTL, values: Tensor, foreground: Tensor, background: Tensor) -> tuple[Tensor, list[slow.Rows]]:
    """LTL of a batch, image by image, with the module's own weights."""
    layer, answers = module.self_attention, []
    for n in range(len(values)):
        attended = slow.self_attention(values[n], layer.project.weight[:, :, 0, 0], layer.gain, layer.temperature)
        masks = foreground[n, 0], background[n, 0]
        answers.append(slow.ltl(attended, *masks, module.fuse.weight, module.fuse.bias, module.temperature))
    return torch.stack([answer for answer, _ in answers]), [rows for _, rows in answers]


@pytest.mark.parametrize("case", CASES)
def test_equations_1_and_2(case: str) -> None:
    module = shaken(LTL(3))
    foreground, background = mask_cases(5, 6)[case]
    values = features(len(foreground), 3, 5, 6)
    ours, _ = module(values, foreground, background)
    expected, _ = looped(module, values, foreground, background)
    assert_agree(ours, expected, [values, *module.parameters()])


@pytest.mark.parametrize("temperature", [0.3, 4.0])
def test_temperature_divides_the_logits(temperature: float) -> None:
    module = shaken(LTL(2, temperature))
    foreground, background = mask_cases(5, 6)["binary"]
    values = features(1, 2, 5, 6)
    expected, _ = looped(module, values, foreground, background)
    assert_agree(module(values, foreground, background)[0], expected, [values, *module.parameters()])


@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_self_attention(temperature: float) -> None:
    module = shaken(SelfAttention(3, temperature))
    values = features(2, 3, 5, 6)
    weight = module.project.weight[:, :, 0, 0]
    expected = [slow.self_attention(one, weight, module.gain, temperature) for one in values]
    assert_agree(module(values), torch.stack(expected), [values, *module.parameters()])


def test_self_attention_starts_as_the_identity() -> None:
    values = features(1, 3, 5, 6).float()
    assert torch.equal(SelfAttention(3)(values), values)


@pytest.mark.parametrize("case", CASES)
def test_attention_holds_the_weights_of_equation_1(case: str) -> None:
    module = shaken(LTL(3))
    foreground, background = mask_cases(5, 6)[case]
    values = features(len(foreground), 3, 5, 6)
    _, attention = module(values, foreground, background, return_attention=True)
    _, expected = looped(module, values, foreground, background)
    weights = attention.weights()
    assert attention.feature_size == attention.key_grid == (5, 6)
    for n, rows in enumerate(expected):
        tokens = attention.queries
        places = [divmod(int(i), 6) for i, real in zip(tokens.index[n], tokens.valid[n], strict=True) if real]
        assert places == list(rows.weights)
        columns = [y * 6 + x for y, x in rows.places]
        closed = [k for k in range(30) if k not in columns]
        for row, place in zip(weights[n], places, strict=False):
            torch.testing.assert_close(row[columns], rows.weights[place], rtol=0, atol=1e-12)
            assert not row[closed].any()
        assert not weights[n, len(places) :].any()


def test_background_and_images_without_a_task_keep_their_normalised_features() -> None:
    module = shaken(LTL(3))
    foreground, background = mask_cases(5, 6)["foregrounds of many sizes"]
    values = features(5, 3, 5, 6)
    ours, _ = module(values, foreground, background)
    plain = instance_norm(module.self_attention(values))
    outside = (foreground == 0).expand_as(ours)
    assert torch.equal(ours[outside], plain[outside])
    assert torch.equal(ours[3:], plain[3:])  # no foreground; no background
    inside = (foreground[:2] > 0).expand_as(ours[:2])
    assert not torch.isclose(ours[:2][inside], plain[:2][inside]).any()


def test_foreground_is_no_reference() -> None:
    """What one foreground location holds moves no other one, but through normalisation and self-attention."""
    module = LTL(2).double()
    foreground, background = mask_cases(6, 6)["binary"]
    values = features(1, 2, 6, 6).detach()
    swapped = values.clone()
    (y, x), (v, u) = foreground[0, 0].nonzero()[:2].tolist()
    swapped[:, :, y, x], swapped[:, :, v, u] = values[:, :, v, u], values[:, :, y, x]
    before, after = (module(one, foreground, background)[0] for one in (values, swapped))
    torch.testing.assert_close(after[:, :, y, x], before[:, :, v, u], rtol=0, atol=1e-12)
    after[:, :, y, x], after[:, :, v, u] = before[:, :, y, x], before[:, :, v, u]
    torch.testing.assert_close(after, before, rtol=0, atol=1e-12)
