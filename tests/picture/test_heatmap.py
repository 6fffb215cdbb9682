"""Heat maps: where the foreground looked, cell by cell."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from regharm_core import HarmonizerConfig, HarmonizerNet, InputError, attention_map
from regharm_core.network.attention import Attention, gather_tokens
from regharm_core.network.config import Translation
from regharm_core.picture.heatmap import spread


def looked(keys: Tensor, allowed: Tensor, cells: Tensor, span: int) -> Attention:
    """Two foreground locations on an 8 x 8 feature; ``keys`` rows x columns x 2 as references."""
    features = torch.zeros(1, 2, 8, 8)
    features[0, :, 3, 3], features[0, :, 3, 4] = torch.tensor([1.0, 0]), torch.tensor([0.0, 1])
    selected = torch.zeros(1, 8, 8, dtype=torch.bool)
    selected[0, 3, 3:5] = True
    grid = (keys.shape[0], keys.shape[1])
    return Attention(
        gather_tokens(features, selected),
        keys.flatten(0, 1)[None],
        allowed.flatten()[None],
        0.5,
        (8, 8),
        grid,
        span,
        cells,
    )


@pytest.mark.parametrize("span", [1, 2, 4])
def test_alike_references_give_a_flat_map(span: int) -> None:
    side = 8 - span + 1
    open_cells = torch.ones(1, 1, 8, 8)
    open_cells[..., :3, :3] = 0
    allowed = torch.ones(side, side, dtype=torch.bool)
    allowed[0, 0] = span == 4  # hidden altogether where a block fits into what is closed
    heat = spread(looked(torch.zeros(side, side, 2), allowed, open_cells, span), None)
    seen = heat[open_cells > 0]
    assert float(seen.min()) > 0 and torch.allclose(seen, seen[:1].expand_as(seen))
    assert float(heat[open_cells == 0].abs().max()) == 0


def test_against_loops_and_a_question() -> None:
    torch.manual_seed(0)
    keys, allowed = torch.randn(7, 7, 2), torch.rand(7, 7) > 0.2
    attention = looked(keys, allowed, torch.rand(1, 1, 8, 8), 2)
    question = torch.zeros(1, 1, 8, 8)
    question[..., 3, 4] = 1
    heat = spread(attention, question)
    logits = (keys[..., 1] / (0.5 * 2**0.5)).masked_fill(~allowed, float("-inf"))
    weights = logits.flatten().softmax(0).reshape(7, 7)
    for y in range(8):
        for x in range(8):
            covering = [(r, c) for r in (y - 1, y) for c in (x - 1, x) if 0 <= r < 7 and 0 <= c < 7 and allowed[r, c]]
            mean = sum(float(weights[place]) for place in covering) / max(len(covering), 1)
            assert float(heat[0, 0, y, x]) == pytest.approx(mean * float(attention.cells[0, 0, y, x]), abs=1e-6)


@pytest.mark.parametrize("layer", ["ptl", "ltl"])
def test_maps_of_pictures(layer: str) -> None:
    torch.manual_seed(1)
    net = HarmonizerNet(HarmonizerConfig(width=2, refine=(0, 0, 0, 0), gated=False, view=64)).eval()
    image, mask = torch.rand(2, 3, 50, 90), torch.zeros(2, 1, 50, 90)
    mask[0, :, 10:30, 30:60] = 1
    heat = attention_map(net, image, mask, layer=layer)
    assert heat.shape == mask.shape and bool(heat.isfinite().all())
    assert float(heat[0].max()) == pytest.approx(1, abs=1e-5) and float((heat * mask).abs().max()) == 0
    assert float(heat[1].abs().max()) == 0  # nothing was pasted


@pytest.mark.parametrize(("translation", "ltl", "finest"), [("ptl", (32,), "ptl"), ("none", (16, 32), "ltl32")])
def test_unnamed_the_finest_is_shown(translation: Translation, ltl: tuple[int, ...], finest: str) -> None:
    torch.manual_seed(1)
    config = HarmonizerConfig(width=2, refine=(0, 0, 0, 0), gated=False, view=64, translation=translation, ltl=ltl)
    net = HarmonizerNet(config).eval()
    image, mask = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    mask[..., 20:40, 20:40] = 1
    assert torch.equal(attention_map(net, image, mask), attention_map(net, image, mask, layer=finest))
    if translation == "none":
        with pytest.raises(InputError, match="no attention layer 'ptl'"):
            attention_map(net, image, mask, layer="ptl")


def test_a_question_that_cannot_be_used_is_named() -> None:
    net = HarmonizerNet(HarmonizerConfig(width=2, view=64)).eval()
    image, mask = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    mask[..., 20:40, 20:40] = 1
    with pytest.raises(InputError, match="query_mask holds values that are not finite"):
        attention_map(net, image, mask, query_mask=mask * float("inf"))
    with pytest.raises(InputError, match="query_mask .* does not fit the image"):
        attention_map(net, image, mask, query_mask=mask[..., :32])
