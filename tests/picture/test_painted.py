"""A heat map made visible: grey where nothing was consulted, colour where something was, the question outlined."""

from __future__ import annotations

import pytest
import torch

from regharm_core import InputError, overlay
from regharm_core.picture.painted import spread_out


def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A colourful picture, a mask in its middle, heat in one corner over a floor that is the same everywhere."""
    torch.manual_seed(0)
    mask, heat = torch.zeros(1, 1, 60, 80), torch.full((1, 1, 60, 80), 0.4)
    mask[..., 20:40, 30:50] = 1
    heat[..., :12, :16] = 1
    return torch.rand(1, 3, 60, 80), heat * (1 - mask), mask


def chroma(picture: torch.Tensor) -> torch.Tensor:
    return picture.amax(1) - picture.amin(1)


def test_grey_and_colour_and_the_question() -> None:
    image, heat, mask = scene()
    query = mask.clone()
    query[..., 30:, :] = 0
    made = overlay(image, heat, mask=mask, query=query)
    assert float(chroma(made[..., 45:, :]).amax()) < 1e-5  # not consulted
    assert float(made[..., 45:, :].amax()) <= 0.5
    assert float(chroma(made[..., 41:, :]).amax()) < 1e-5 and float(chroma(made[..., 34:40, 33:47]).amax()) < 1e-5
    assert float(chroma(made[..., 2:10, 2:14]).amin()) > 0.05  # consulted: inferno's light end, through opacity
    assert torch.equal(made[..., 20:30, 30:50], image[..., 20:30, 30:50])  # asked about: as it was
    assert bool((made[..., 19, 30:50] == 1).all()) and bool((made[..., 18, 32:48] == 0).all())  # white, then black


def test_without_a_question_all_of_the_foreground_is_outlined() -> None:
    image, heat, mask = scene()
    made = overlay(image, heat, mask=mask)
    assert torch.equal(made, overlay(image, heat, mask=mask, query=torch.ones_like(mask)))
    assert torch.equal(made[..., 20:40, 30:50], image[..., 20:40, 30:50])
    plain = overlay(image, heat)
    assert float(chroma(plain[..., 45:, :]).amax()) < 1e-5 and not torch.equal(plain, made)


def test_what_maps_have_in_common_is_not_shown() -> None:
    """Two answers that differ in a tenth of their values differ clearly as pictures."""
    image, _, mask = scene()
    torch.manual_seed(1)
    common = torch.rand(1, 1, 60, 80) * 0.02 + 0.9
    one, other = common.clone(), common.clone()
    one[..., :12, :16] += 0.08
    other[..., -12:, -16:] += 0.08
    first, second = (overlay(image, heat * (1 - mask), mask=mask) for heat in (one, other))
    assert float((first - second)[..., 2:10, 2:14].abs().mean()) > 0.15


def test_scale_is_the_backgrounds_own() -> None:
    heat = torch.linspace(0.2, 0.6, 1000).view(1, 1, 20, 50)
    value = spread_out(heat, None)
    middle, most = 0.2 + 0.4 * 0.5, 0.2 + 0.4 * 0.99
    assert torch.allclose(value, ((heat - middle) / (most - middle)).clamp(0, 1), atol=2e-3)
    background = torch.ones_like(heat)
    background[..., 25:] = 0
    assert not torch.equal(spread_out(heat, background), value)
    for flat in (torch.zeros(1, 1, 8, 8), torch.full((1, 1, 8, 8), 0.7)):
        assert not bool(spread_out(flat, None).any())
    point = torch.zeros(2, 1, 40, 40)
    point[0, 0, 3, 3] = 0.5
    assert float(spread_out(point, None)[0, 0, 3, 3]) == 1 and not bool(spread_out(point, None)[1].any())
    assert not bool(spread_out(point, torch.zeros_like(point)).any())


def test_opacity_and_errors() -> None:
    image, heat, mask = scene()
    assert torch.equal(overlay(image, heat, mask=mask, opacity=0), image)
    full = overlay(image, heat, opacity=1, colours="grey")
    assert torch.allclose(full[..., 2:10, 2:14], torch.tensor(1.0))
    with pytest.raises(InputError, match="rainbow"):
        overlay(image, heat, colours="rainbow")
    with pytest.raises(InputError, match="1.5"):
        overlay(image, heat, opacity=1.5)


def test_a_faint_question_is_outlined_too() -> None:
    image, heat, mask = scene()
    faint, whole = (overlay(image, heat, mask=level * mask) for level in (0.45, 1.0))
    assert torch.equal(faint[..., 20:40, 30:50], image[..., 20:40, 30:50])
    assert torch.equal(faint[..., 18:42, 28:52], whole[..., 18:42, 28:52])
