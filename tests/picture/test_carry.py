"""What is left out because it cannot reach the foreground: with it, the picture is the same."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core import HarmonizerConfig, HarmonizerNet
from regharm_core.network.maps import evaluate_maps
from regharm_core.picture.box import bounding_box, whole
from regharm_core.picture.carry import apply_maps, maps_of
from regharm_core.picture.local_map import fit_local_maps
from regharm_core.picture.view import View


def rectangle(height: int, width: int, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
    mask = torch.zeros(1, 1, height, width)
    mask[..., slice(*rows), slice(*columns)] = 0.7
    return mask


MASKS = {
    "corner": ((0, 9), (51, 64)),
    "odd": ((21, 40), (7, 32)),
    "one pixel": ((33, 34), (18, 19)),
    "all": ((0, 64), (0, 64)),
}


@pytest.mark.parametrize("place", MASKS)
@pytest.mark.parametrize(("refine", "gated", "residual"), [(0, True, True), (2, False, False)])
def test_the_last_level_around_the_foreground_is_the_last_level(
    place: str, refine: int, gated: bool, residual: bool
) -> None:
    torch.manual_seed(1)
    net = HarmonizerNet(HarmonizerConfig(width=4, refine=(0, 0, 0, refine), gated=gated, residual=residual)).eval()
    torch.nn.init.normal_(net.head.weight, std=0.3)
    mask = torch.cat([rectangle(64, 64, *MASKS[place]), rectangle(64, 64, (28, 36), (20, 30))])
    image = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        whole, part = net(image, mask), net(image, mask, within=bounding_box(mask.amax(0)))
    inside = mask.expand_as(image) > 0
    torch.testing.assert_close(part.prediction[inside], whole.prediction[inside], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(part.image, whole.image, atol=1e-5, rtol=1e-5)
    assert whole.prediction[inside].std() > 0.01


def test_outside_the_box_zeros_are_drawn() -> None:
    net = HarmonizerNet(HarmonizerConfig(width=4)).eval()
    torch.nn.init.normal_(net.head.bias)
    with torch.no_grad():
        drawn = net(torch.rand(1, 3, 64, 64), rectangle(64, 64, (0, 9), (51, 64)), within=(0, 9, 51, 64)).prediction
    assert not drawn[..., 20:, :].any() and not drawn[..., :40].any() and drawn[..., :9, 51:].all()


@pytest.mark.parametrize("place", MASKS)
@pytest.mark.parametrize("size", [(150, 90), (64, 64), (40, 50)])
def test_maps_of_the_foreground_equal_maps_of_everything(place: str, size: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(2)
    guide, residual = torch.rand(2, 1, 3, 64, 64, generator=random).unbind(0)
    weight = rectangle(64, 64, *MASKS[place])
    image = torch.rand(3, *size, generator=random)
    mask = F.interpolate(weight, size, mode="bilinear")[0]
    exact = size == (64, 64)

    maps = fit_local_maps(guide, residual, weight)  # on the whole view, enlarged to the whole picture
    expected = image + mask * evaluate_maps(F.interpolate(maps, size, mode="bilinear"), image[None])[0]
    if exact:
        at = F.interpolate(maps, size, mode="bilinear")
        rest = residual - evaluate_maps(at, guide)
        expected = image + mask * (evaluate_maps(at, image[None]) + rest)[0]
    expected = expected.clamp(0, 1)

    result = image.clone()
    found = maps_of(View(guide, weight, residual, torch.ones(1, 1, 1, 1, dtype=torch.bool)), 0, exact=exact)
    apply_maps(result, image, mask, found, whole(image), 1.0, lambda: None)
    torch.testing.assert_close(result, expected, atol=2e-4, rtol=0)
    assert (result - image).abs().max() > 0.05 or place == "one pixel"
    assert torch.equal(result[:, mask[0] == 0], image[:, mask[0] == 0])
