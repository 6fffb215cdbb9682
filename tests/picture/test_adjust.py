"""A change taken apart and put together again."""

from __future__ import annotations

import pytest
import torch

from regharm_core import InputError
from regharm_core.network.maps import evaluate_maps
from regharm_core.picture.adjust import Adjustment, adjust_maps, mean_colours
from tests.picture.scenes import square_scene

LUMA = (0.2126, 0.7152, 0.0722)


def case() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Coefficients, colours and mean colours, all of 2 pictures of 5 x 7."""
    torch.manual_seed(1)
    return torch.randn(2, 12, 5, 7) * 0.3, torch.rand(2, 3, 5, 7), torch.rand(2, 3, 5, 7)


def slow_change(coefficients: torch.Tensor, colours: torch.Tensor, mean: torch.Tensor, shares: Adjustment) -> list:
    """Of one place, in plain numbers: tone, contrast and colour of the change, weighed and added."""
    a, b = coefficients[:9].tolist(), coefficients[9:].tolist()
    x, m = colours.tolist(), mean.tolist()
    at = [[sum(a[3 * o + i] * p[i] for i in range(3)) + b[o] for o in range(3)] for p in (x, m)]
    light = [sum(LUMA[o] * change[o] for o in range(3)) for change in at]
    tone, contrast = light[1], light[0] - light[1]
    return [shares.tone * tone + shares.contrast * contrast + shares.colour * (at[0][o] - light[0]) for o in range(3)]


@pytest.mark.parametrize("shares", [(0.0, 1.0, 1.0), (1.0, 0.5, 1.0), (1.0, 1.0, 2.0), (0.3, 1.7, 0.0)])
def test_parts_are_those_of_plain_numbers(shares: tuple[float, float, float]) -> None:
    coefficients, colours, mean = case()
    adjustment = Adjustment(*shares)
    found = evaluate_maps(adjust_maps(coefficients, mean, adjustment), colours)
    for n in range(2):
        for y in range(5):
            for x in range(7):
                wanted = slow_change(coefficients[n, :, y, x], colours[n, :, y, x], mean[n, :, y, x], adjustment)
                assert found[n, :, y, x].tolist() == pytest.approx(wanted, abs=1e-5)


def test_one_is_exactly_the_identity() -> None:
    coefficients, _, mean = case()
    assert adjust_maps(coefficients, mean, Adjustment()) is coefficients


def test_each_slider_leaves_the_others_alone() -> None:
    coefficients, colours, mean = case()
    luma = torch.tensor(LUMA)[None, :, None, None]

    def changed(*shares: float) -> torch.Tensor:
        return evaluate_maps(adjust_maps(coefficients, mean, Adjustment(*shares)), colours)

    whole = evaluate_maps(coefficients, colours)
    no_colour = changed(1, 0, 1)
    assert torch.allclose((no_colour * luma).sum(1), (whole * luma).sum(1), atol=1e-5)  # lightness stays
    assert float((no_colour.amax(1) - no_colour.amin(1)).amax()) < 1e-5  # and is all there is
    only_colour = changed(0, 1, 0)
    assert float((only_colour * luma).sum(1).abs().amax()) < 1e-5
    at_mean = [evaluate_maps(adjust_maps(coefficients, mean, Adjustment(1, 1, c)), mean) for c in (0, 2)]
    assert torch.allclose(*at_mean, atol=1e-5)  # contrast turns around the mean colour
    assert torch.allclose(changed(0.4, 0.4, 0.4), 0.4 * whole, atol=1e-5)


@pytest.mark.parametrize("name", ["tone", "colour", "contrast"])
@pytest.mark.parametrize("value", [-0.1, 2.1, float("nan")])
def test_shares_outside_their_range_are_quoted(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{name} must be from 0 to 2, got {value}"):
        Adjustment(**{name: value})


def test_mean_colours_are_of_the_foreground_around() -> None:
    picture, mask = square_scene(64, 64)
    picture[:, :, :32] = 0.25  # the left half of the foreground
    picture[:, :, 32:] = 0.75
    picture[:, mask[0] == 0] = 9.0  # never looked at
    means = mean_colours(picture[None], mask[None], (16, 16))
    assert means.shape == (1, 3, 16, 16)
    assert torch.allclose(means[..., 6:10, 4:7], torch.tensor(0.25), atol=1e-4)
    assert torch.allclose(means[..., 6:10, 9:12], torch.tensor(0.75), atol=1e-4)
    assert 0.2 < float(means.amin()) and float(means.amax()) < 0.8
