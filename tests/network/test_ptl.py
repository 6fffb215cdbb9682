"""Patches-to-location translation against the loops of Eq. 3, 4 and 5."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from regharm_core.network.config import PTL_FRACTIONS
from regharm_core.network.ptl import PTL
from tests.network import slow
from tests.network.cases import CASES, assert_agree, features, mask_cases, shaken


def looped(module: PTL, values: Tensor, foreground: Tensor, background: Tensor) -> tuple[Tensor, list[slow.Rows]]:
    """PTL of a batch, image by image, with the module's own kernel."""
    fractions = module.cells // module.span, module.cells
    answers = [
        slow.ptl(values[n], foreground[n, 0], background[n, 0], module.squeeze, fractions, module.temperature)
        for n in range(len(values))
    ]
    return torch.stack([answer for answer, _ in answers]), [rows for _, rows in answers]


def check(module: PTL, values: Tensor, foreground: Tensor, background: Tensor) -> None:
    ours, _ = module(values, foreground, background)
    expected, _ = looped(module, values, foreground, background)
    assert_agree(ours, expected, [values, *module.parameters()])


@pytest.mark.parametrize("case", CASES)
def test_equations_3_to_5(case: str) -> None:
    foreground, background = mask_cases(16, 16)[case]
    check(shaken(PTL(3, 4, 8)), features(len(foreground), 3, 16, 16), foreground, background)


@pytest.mark.parametrize("size", [32, 64])  # with the finest stride cells of one location, and of several
@pytest.mark.parametrize("fractions", PTL_FRACTIONS, ids=str)
def test_every_setting_of_table_4(fractions: tuple[int, int], size: int) -> None:
    """A soft foreground of a few locations, and a reference that is partly closed and partly soft."""
    generator = torch.Generator().manual_seed(1)
    foreground = torch.zeros(1, 1, size, size, dtype=torch.float64)
    foreground[..., 9:12, 20:23] = torch.rand(3, 3, generator=generator, dtype=torch.float64)
    background = 1 - foreground
    background[..., 18:, :] = 0
    background[..., :2, :] = 0.4
    check(shaken(PTL(2, *fractions)), features(1, 2, size, size), foreground, background)


@pytest.mark.parametrize("size", [(16, 24), (8, 16)], ids=str)
@pytest.mark.parametrize("fractions", [(4, 4), (4, 8), (8, 8)], ids=str)
def test_features_that_are_not_square(fractions: tuple[int, int], size: tuple[int, int]) -> None:
    check(shaken(PTL(2, *fractions)), features(1, 2, *size), *mask_cases(*size)["soft"])


@pytest.mark.parametrize("case", ["soft", "no background", "restricted reference"])
def test_features_that_no_stride_divides(case: str) -> None:
    check(shaken(PTL(2, 4, 8)), features(1, 2, 12, 18), *mask_cases(12, 18)[case])


def test_the_feature_size_of_the_paper() -> None:
    """At 128 px the projection is used as it is, without resampling."""
    foreground = torch.zeros(1, 1, 128, 128, dtype=torch.float64)
    foreground[..., 60:63, 30:34] = 1
    background = 1 - foreground
    background[..., :80, :] = 0
    check(shaken(PTL(2, 4, 4)), features(1, 2, 128, 128), foreground, background)


@pytest.mark.parametrize("size", [(16, 16), (16, 24), (12, 18)], ids=str)
@pytest.mark.parametrize("case", ["soft", "no background", "restricted reference", "foregrounds of many sizes"])
def test_blocks_compared_by_content(case: str, size: tuple[int, int]) -> None:
    foreground, background = mask_cases(*size)[case]
    module = shaken(PTL(3, 4, 8, 0.7, by_content=True))
    values, known = features(len(foreground), 3, *size), features(len(foreground), 5, *size)
    ours, attention = module(values, foreground, background, content=known, return_attention=True)
    expected = [
        slow.ptl(values[n], foreground[n, 0], background[n, 0], None, (4, 8), 0.7, known[n]) for n in range(len(values))
    ]
    assert_agree(ours, torch.stack([answer for answer, _ in expected]), [values, known, *module.parameters()])
    assert attention is not None and not list(module.parameters())


@pytest.mark.parametrize("size", [(16, 16), (12, 18), (64, 64)], ids=str)
@pytest.mark.parametrize("fractions", PTL_FRACTIONS, ids=str)
def test_without_gradients_one_convolution_projects_the_same(fractions: tuple[int, int], size: tuple[int, int]) -> None:
    module = shaken(PTL(3, *fractions))
    foreground, background = mask_cases(*size)["foregrounds of many sizes"]
    values = features(len(foreground), 3, *size)
    learning, _ = module(values, foreground, background)
    with torch.no_grad():
        used, _ = module(values, foreground, background)
    torch.testing.assert_close(used, learning, rtol=1e-9, atol=1e-9)


def test_temperature_divides_the_logits() -> None:
    check(shaken(PTL(2, 4, 8, temperature=0.25)), features(1, 2, 16, 16), *mask_cases(16, 16)["binary"])


@pytest.mark.parametrize("case", CASES)
def test_attention_holds_the_weights_of_equation_4(case: str) -> None:
    module = shaken(PTL(3, 4, 8))
    foreground, background = mask_cases(16, 24)[case]
    values = features(len(foreground), 3, 16, 24)
    _, attention = module(values, foreground, background, return_attention=True)
    _, expected = looped(module, values, foreground, background)
    weights = attention.weights()
    assert attention.feature_size == (16, 24)
    assert attention.key_grid == (7, 7) and attention.key_span == 2
    for n, rows in enumerate(expected):
        tokens = attention.queries
        places = [divmod(int(i), 24) for i, real in zip(tokens.index[n], tokens.valid[n], strict=True) if real]
        assert places == list(rows.weights)
        columns = [y * 7 + x for y, x in rows.places]
        closed = [k for k in range(49) if k not in columns]
        for row, place in zip(weights[n], places, strict=False):
            torch.testing.assert_close(row[columns], rows.weights[place], rtol=0, atol=1e-9)
            assert not row[closed].any()
        assert not weights[n, len(places) :].any()


def test_background_and_images_without_a_task_are_untouched() -> None:
    module = shaken(PTL(3, 4, 8))
    foreground, background = mask_cases(16, 16)["foregrounds of many sizes"]
    values = features(5, 3, 16, 16)
    ours, _ = module(values, foreground, background)
    outside = (foreground == 0).expand_as(ours)
    assert torch.equal(ours[outside], values[outside])
    assert torch.equal(ours[3:], values[3:])  # no foreground; no background
    assert not torch.equal(ours[0], values[0])


def test_a_uniform_background_gives_its_own_mean() -> None:
    """Whatever is attended to, every block's appearance is the same one: T = C_f * sqrt(epsilon) + mean."""
    foreground, background = mask_cases(16, 16)["binary"]
    values = features(1, 2, 16, 16).detach()
    values = torch.where(background > 0, torch.tensor(3.0, dtype=torch.float64), values)
    ours, _ = PTL(2, 4, 8).double()(values, foreground, background)
    inside = (foreground > 0).expand_as(ours)
    assert (ours[inside] - 3).abs().max() < 4 * slow.EPSILON**0.5


def test_closed_background_is_never_consulted() -> None:
    module = shaken(PTL(2, 4, 8))
    foreground, background = mask_cases(16, 16)["restricted reference"]
    values = features(1, 2, 16, 16).detach()
    other = torch.where((foreground + background) > 0, values, values + 7)
    before, after = (module(one, foreground, background)[0] for one in (values, other))
    seen = ((foreground + background) > 0).expand_as(values)
    torch.testing.assert_close(after[seen], before[seen], rtol=0, atol=1e-10)


@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_single_precision_keeps_the_digits(offset: float) -> None:
    """Features far from zero lose little: sums of squares are taken about the background's own mean."""
    module = PTL(4, 8, 32)
    foreground, background = mask_cases(64, 64)["binary"]
    values = features(1, 4, 64, 64).detach() + offset
    single, _ = module(values.float(), foreground.float(), background.float())
    double, _ = module.double()(values.float().double(), foreground, background)
    torch.testing.assert_close(single.double(), double, rtol=0, atol=2e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_features_have_single_precision_statistics(dtype: torch.dtype) -> None:
    module = PTL(4, 8, 32)
    foreground, background = (mask.float() for mask in mask_cases(64, 64)["binary"])
    values = features(1, 4, 64, 64).detach().to(dtype)
    half, _ = module(values, foreground.to(dtype), background.to(dtype))
    assert half.dtype == dtype
    assert torch.equal(half, module(values.float(), foreground, background)[0].to(dtype))
