"""The overall branch against loops: masked statistics of colours and features, and what follows from them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from regharm_core.network.overall import COLOUR_STATISTICS, Overall, colour_statistics
from tests.network import slow_maps
from tests.network.cases import CASES, TOLERANCE, assert_agree, features, mask_cases, shaken


def pictures(count: int, height: int, width: int) -> Tensor:
    random = torch.Generator().manual_seed(6)
    return torch.rand(count, 3, height, width, generator=random, dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize("side", [0, 1], ids=["foreground", "background"])
@pytest.mark.parametrize("case", CASES)
def test_colour_statistics(case: str, side: int) -> None:
    weight = mask_cases(6, 5)[case][side]
    image = pictures(len(weight), 6, 5)
    expected = [slow_maps.colour_statistics(image[n], weight[n, 0]) for n in range(len(weight))]
    found = colour_statistics(image, weight)
    assert found.shape == (len(weight), COLOUR_STATISTICS) and bool(found.isfinite().all())
    assert_agree(found, torch.stack(expected), [image])


def test_no_colour_at_all() -> None:
    nothing, image = torch.zeros(1, 1, 6, 5), torch.rand(1, 3, 6, 5)
    found = colour_statistics(image, nothing)
    assert torch.equal(found[0, :3], torch.full((3,), -1.0)) and torch.equal(found[0, 12:], torch.full((9,), -1.0))
    assert not found[0, 6:12].any()


def test_flat_pictures_are_finite() -> None:
    """One colour has no deviation to divide by: it has no skew and no correlation."""
    image = torch.tensor([0.0, 0.4, 1.0]).view(1, 3, 1, 1).expand(1, 3, 6, 5)
    found = colour_statistics(image.contiguous(), torch.ones(1, 1, 6, 5))
    assert bool(found.isfinite().all())
    torch.testing.assert_close(found[0, :3], torch.tensor([-1.0, -0.2, 1.0]))
    assert float(found[0, 6:12].abs().max()) < 1e-3


def test_statistics_of_half_precision_are_those_of_single() -> None:
    """A sum over a large picture is more than fp16 holds."""
    overall = Overall(4, 0, 8)
    torch.nn.init.normal_(overall.maps.weight)
    random = torch.Generator().manual_seed(0)
    given = [torch.rand(1, c, s, s, generator=random).half() for c, s in ((4, 9), (3, 288), (1, 288))]
    single = overall(given[0].float(), None, given[1].float(), given[2].float(), given[2].float())
    half = overall.half()(given[0], None, given[1], given[2], given[2])
    assert half.maps.dtype == torch.float16 and float(single.maps.detach().std()) > 0.1
    torch.testing.assert_close(half.maps.float(), single.maps, rtol=0, atol=0.02)


def looped(
    module: Overall, deep: Tensor, eye: Tensor | None, image: Tensor, mask: Tensor, closed: Tensor, told: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Map, scale, shift and hidden layer of one image: C h w, E h w, 3 H W and two of H W."""
    inside, outside = (slow_maps.cell_means(part, *deep.shape[1:]) for part in (mask, 1 - closed))
    statistics = [*slow_maps.masked(deep, inside), *slow_maps.masked(deep, outside)]
    if eye is not None:
        statistics += [slow_maps.masked(eye, part)[0] for part in (inside, outside)]
    statistics += [slow_maps.colour_statistics(image, part) for part in (mask, 1 - closed)]
    first = module.perceptron[0].weight @ torch.cat(statistics) + module.perceptron[0].bias + told
    hidden = slow_maps.perceptron(module.perceptron[1:], first)
    maps = module.maps.weight @ hidden + module.maps.bias
    scale, shift = (module.modulation.weight @ hidden + module.modulation.bias).split(len(deep))
    return maps, scale, shift, hidden


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("eye", [0, 2])
@pytest.mark.parametrize("case", CASES)
def test_the_whole_branch(case: str, eye: int, told: bool) -> None:
    module = shaken(Overall(3, eye, 4))
    mask, background = mask_cases(8, 12)[case]
    closed, count = 1 - background, len(mask)
    deep, image = features(count, 3, 4, 6), pictures(count, 8, 12)
    seen = features(count, eye, 4, 6) if eye else None
    heard = features(count, 4, 1, 1)[:, :, 0, 0].detach() if told else None
    found = module(deep, seen, image, mask, closed, heard)
    nothing = torch.zeros(count, 4)
    each = [
        looped(module, deep[n], None if seen is None else seen[n], image[n], mask[n, 0], closed[n, 0], said)
        for n, said in enumerate(nothing if heard is None else heard)
    ]
    maps, scale, shift, hidden = (torch.stack(part) for part in zip(*each, strict=True))
    leaves = [deep, image, *module.parameters()] + ([] if seen is None else [seen])
    ours = torch.cat([part[:, :, 0, 0] for part in (found.maps, found.scale, found.shift)] + [found.hidden], dim=1)
    assert bool(ours.isfinite().all())
    assert_agree(ours, torch.cat([maps, scale, shift, hidden], dim=1), leaves)


def test_it_starts_without_a_change() -> None:
    module = Overall(3, 2, 8)
    random = torch.rand(2, 3, 4, 6), torch.rand(2, 2, 4, 6), torch.rand(2, 3, 8, 12)
    mask = torch.zeros(2, 1, 8, 12)
    mask[..., :4, :4] = 1
    found = module(*random, mask, mask)
    assert found.maps.shape == (2, 12, 1, 1) and found.scale.shape == found.shift.shape == (2, 3, 1, 1)
    assert not found.maps.any() and not found.scale.any() and not found.shift.any() and found.hidden.any()


def test_what_is_closed_is_not_looked_at() -> None:
    """Features and colours that are neither foreground nor open background count for nothing."""
    module = shaken(Overall(3, 2, 4))
    mask, background = mask_cases(8, 12)["restricted reference"]
    closed = 1 - background
    hidden = (mask == 0) & (background == 0)
    deep, seen, image = features(1, 3, 8, 12).detach(), features(1, 2, 8, 12).detach(), pictures(1, 8, 12).detach()
    other = [torch.where(hidden, 1 - part, part) for part in (deep, seen, image)]
    before, after = module(deep, seen, image, mask, closed), module(*other, mask, closed)
    assert bool(hidden.any())
    torch.testing.assert_close(after.hidden, before.hidden, rtol=TOLERANCE, atol=TOLERANCE)
