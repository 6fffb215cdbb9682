"""References by content against loops: head by head, location by location."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from regharm_core.network import attention as shared
from regharm_core.network import content as module_under_test
from regharm_core.network.content import ContentMatch
from tests.network import slow, slow_maps
from tests.network.cases import CASES, assert_agree, features, mask_cases, shaken

CHANNELS, CONTENT, CELL = 5, 4, 3  # 5 channels: 4 heads take one value each, and a channel is left over


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads of two channels instead of sixteen: loops are slow."""
    monkeypatch.setattr(module_under_test, "WIDTH", 8)


def given(count: int, height: int = 4, width: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    """Features, content and the picture, with cells of 3 x 3 px."""
    image = torch.rand(
        count, 3, CELL * height, CELL * width, generator=torch.Generator().manual_seed(7), dtype=torch.float64
    )
    return features(count, CHANNELS, height, width), features(count, CONTENT, height, width), image.requires_grad_()


def looped(module: ContentMatch, parts: tuple[Tensor, ...], masks: tuple[Tensor, Tensor]) -> list:
    return [
        slow_maps.content_match(module, *(part[n] for part in parts), *(mask[n, 0] for mask in masks))
        for n in range(len(parts[0]))
    ]


@pytest.mark.parametrize("case", CASES)
def test_against_loops(case: str) -> None:
    module, masks = shaken(ContentMatch(CHANNELS, CONTENT)), mask_cases(4, 5)[case]
    parts = given(len(masks[0]))
    ours, none = module(*parts, *masks)
    assert none is None and bool(ours.isfinite().all())
    expected = torch.stack([answer for answer, _ in looped(module, parts, masks)])
    assert_agree(ours, expected, [*parts, *module.parameters()])


@pytest.mark.parametrize("case", CASES)
def test_attention_holds_the_mean_of_the_heads_weights(case: str) -> None:
    module, masks = shaken(ContentMatch(CHANNELS, CONTENT)), mask_cases(4, 5)[case]
    parts = given(len(masks[0]))
    _, attention = module(*parts, *masks, return_attention=True)
    weights = attention.weights()
    assert attention.feature_size == attention.key_grid == (4, 5) and attention.key_span == 1
    torch.testing.assert_close(attention.cells, (masks[1] >= 0.5).double())
    contribution = attention.contribution()
    for n, (_, rows) in enumerate(looped(module, parts, masks)):
        tokens = attention.queries
        places = [divmod(int(i), 5) for i, real in zip(tokens.index[n], tokens.valid[n], strict=True) if real]
        assert not rows.places or places == list(rows.weights)
        columns = [y * 5 + x for y, x in rows.places]
        closed = [k for k in range(20) if k not in columns]
        for place, row in zip(places if rows.places else [], weights[n], strict=False):
            torch.testing.assert_close(row[columns], rows.weights[place], rtol=0, atol=1e-12)
            assert float(row.detach().sum()) == pytest.approx(1, abs=1e-12) and not row[closed].any()
        assert not weights[n, len(places) if rows.places else 0 :].any()
        assert float(contribution[n].detach().sum()) == pytest.approx(float(bool(places and rows.places)), abs=1e-12)


def test_nothing_that_is_closed_is_consulted() -> None:
    """Other features and other colours there move nothing but themselves."""
    module, masks = shaken(ContentMatch(CHANNELS, CONTENT)), mask_cases(4, 6)["restricted reference"]
    feature, content, image = (part.detach() for part in given(1, 4, 6))
    hidden = (masks[0] == 0) & (masks[1] < 0.5)
    large = hidden.double().repeat_interleave(CELL, 2).repeat_interleave(CELL, 3) > 0
    before, _ = module(feature, content, image, *masks)
    after, _ = module(torch.where(hidden, feature + 3, feature), content, torch.where(large, 1 - image, image), *masks)
    assert bool(hidden.any()) and bool((masks[0] > 0).any())
    assert torch.equal(after[(~hidden).expand_as(after)], before[(~hidden).expand_as(before)])
    opened, _ = module(feature + 3 * hidden, content, image, masks[0], 1 - masks[0])
    assert not torch.isclose(opened, module(feature, content, image, masks[0], 1 - masks[0])[0])[
        (masks[0] > 0).expand_as(opened)
    ].any()


def test_the_background_keeps_its_bits() -> None:
    module, masks = shaken(ContentMatch(CHANNELS, CONTENT)), mask_cases(4, 5)["foregrounds of many sizes"]
    parts = given(5)
    ours, _ = module(*parts, *masks)
    outside = (masks[0] == 0).expand_as(ours)
    assert torch.equal(ours[outside], parts[0][outside])
    assert not torch.isclose(ours, parts[0])[~outside].any()


def test_it_starts_as_the_identity() -> None:
    feature, content, image = (part.float() for part in given(2))
    masks = [mask.float().expand(2, -1, -1, -1) for mask in mask_cases(4, 5)["soft"]]
    assert torch.equal(ContentMatch(CHANNELS, CONTENT)(feature, content, image, *masks)[0], feature)


@pytest.mark.parametrize("at_once", [1, 30, 1 << 20])
def test_in_chunks_or_at_once(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of the map are computed a few at a time where nothing is trained, and again where they are too many."""
    module, masks = shaken(ContentMatch(CHANNELS, CONTENT)), mask_cases(4, 5)["foregrounds of many sizes"]
    parts = given(5)
    leaves = [*parts, *module.parameters()]
    whole, _ = module(*parts, *masks)
    gradients = torch.autograd.grad(whole.sin().sum(), leaves)
    monkeypatch.setattr(shared, "CACHE_ELEMENTS", at_once)
    monkeypatch.setattr(shared, "KEPT_ELEMENTS", at_once)
    with torch.no_grad():
        torch.testing.assert_close(module(*parts, *masks)[0], whole, rtol=1e-12, atol=1e-12)
    again = torch.autograd.grad(module(*parts, *masks)[0].sin().sum(), leaves)
    for one, other in zip(again, gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_like_finds_like(monkeypatch: pytest.MonkeyPatch) -> None:
    """A foreground of one content looks at the background of the same content, wherever that is.

    In heads of two channels two contents may happen to be alike; in heads of sixteen none are.
    """
    monkeypatch.setattr(module_under_test, "WIDTH", 64)
    module = ContentMatch(CHANNELS, CONTENT).double()
    nn.init.orthogonal_(module.compare.weight.data.flatten(1))
    nn.init.constant_(module.sharpness, 1.5)
    feature, _, image = given(1, 6, 6)
    kind = torch.tensor([0, 1, 2, 3, 2, 1]).repeat(6, 1)  # the content of each column
    content = nn.functional.one_hot(kind, CONTENT).permute(2, 0, 1)[None].double()
    mask = torch.zeros(1, 1, 6, 6, dtype=torch.float64)
    mask[..., 2:4, 2] = 1  # of content 2
    _, attention = module(feature, content, image, mask, 1 - mask, return_attention=True)
    heat = attention.contribution()[0]
    alike = (kind == 2) & (mask[0, 0] == 0)
    assert float(heat[alike].min()) > 100 * float(heat[~alike].max())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype) -> None:
    module = shaken(ContentMatch(CHANNELS, CONTENT)).float()
    parts = [part.detach().to(dtype) for part in given(5)]
    masks = [mask.to(dtype) for mask in mask_cases(4, 5)["foregrounds of many sizes"]]
    single, _ = module(*(part.float() for part in parts), *(mask.float() for mask in masks))
    half, attention = module.to(dtype)(*parts, *masks, return_attention=True)
    assert half.dtype == dtype and attention.weights().dtype == torch.float32
    torch.testing.assert_close(half.float(), single, rtol=0, atol={torch.float16: 0.02}.get(dtype, 0.15))


def test_mixed_precision_as_in_training() -> None:
    """Under autocast features come in bfloat16, weights are single: so is the answer's arithmetic."""
    module = shaken(ContentMatch(CHANNELS, CONTENT)).float()
    feature, content, image = (part.detach().float() for part in given(2))
    masks = [mask.float().expand(2, -1, -1, -1) for mask in mask_cases(4, 5)["soft"]]
    short = feature.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        ours, _ = module(short, content, image, *masks)
    assert ours.dtype == torch.bfloat16
    assert torch.equal(ours, module(short.float(), content, image, *masks)[0].bfloat16())


def test_slow_reference_of_the_softmax() -> None:
    """The loops' own softmax is one: an error there would hide one here."""
    weights = slow.match(torch.tensor([1.0, 2.0]), [torch.tensor([0.5, 1.0]), torch.tensor([-1.0, 0.0])], 1.0)
    torch.testing.assert_close(weights, torch.tensor([2.5 / 2**0.5, -1 / 2**0.5]).softmax(0))
