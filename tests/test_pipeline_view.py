"""The public call: what part of a composite the network is shown, and from which sides."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from regharm_core import HarmonizerNet, InputError, harmonize
from tests.discs import composite, strong_network


@pytest.fixture(scope="module")
def model() -> HarmonizerNet:
    return strong_network()


def test_at_the_networks_own_size_its_answer_is_kept(model: HarmonizerNet) -> None:
    side = model.config.view
    image, mask = composite(side, side)
    image = image * 0.2 + 0.4
    with torch.inference_mode():
        answer = image + mask * model(image, ((mask - 0.1) / 0.8).clamp(0, 1)).prediction  # levels are stretched
    made = harmonize(model, image, mask, context=None, mirrored=False)
    assert torch.allclose(made, answer.clamp(0, 1), atol=1e-5)


def test_the_mirror_image_gets_the_mirrored_answer(model: HarmonizerNet) -> None:
    image, mask = composite(90, 120)
    turned = harmonize(model, image.flip(-1), mask.flip(-1)).flip(-1)
    assert torch.allclose(turned, harmonize(model, image, mask), atol=1e-4)
    one_sided = harmonize(model, image.flip(-1), mask.flip(-1), mirrored=False).flip(-1)
    assert not torch.allclose(one_sided, harmonize(model, image, mask, mirrored=False), atol=1e-4)


@pytest.mark.parametrize(("at_once", "passes"), [(1, [2, 2, 2]), (4, [4, 2]), (8, [6])])
def test_composites_and_their_mirror_images_share_a_pass(model: HarmonizerNet, at_once: int, passes: list) -> None:
    images, masks = composite(32, 40, batch=3)
    shown: list[int] = []
    hook = model.register_forward_pre_hook(lambda _, given: shown.append(len(given[0])))
    try:
        harmonize(model, images, masks, batch_size=at_once)
        harmonize(model, images, masks, batch_size=at_once, mirrored=False)
    finally:
        hook.remove()
    single = {1: [1, 1, 1], 4: [3], 8: [3]}[at_once]
    assert shown == passes + single


def test_a_boxed_view_changes_the_foreground_only_and_sees_only_its_box(model: HarmonizerNet) -> None:
    image, _ = composite(400, 500)
    mask = torch.zeros(1, 1, 400, 500)
    mask[..., 300:340, 20:80] = 1
    result = harmonize(model, image, mask, context=2.0)
    outside = (mask == 0).expand_as(image)
    assert torch.equal(result[outside], image[outside])
    assert (result - image)[~outside].abs().max() > 1e-3
    far = image.clone()
    far[..., :40, 400:] = 1 - far[..., :40, 400:]  # far from the box: nobody looks there
    assert torch.equal(harmonize(model, far, mask, context=2.0)[~outside], result[~outside])
    whole = [harmonize(model, picture, mask, context=None) for picture in (far, image)]
    assert not torch.equal(whole[0][~outside], whole[1][~outside])


def test_the_configuration_says_how_small_a_box_may_be(model: HarmonizerNet) -> None:
    """Of a small object as much is shown as ``least`` says, and as the view is wide where it says nothing."""
    image, mask = torch.rand(1, 3, 200, 200), torch.zeros(1, 1, 200, 200)
    mask[..., 95:105, 95:105] = 1
    far = image.clone()
    far[..., :70, :70] = 1 - far[..., :70, :70]  # 25 px or more from the foreground, in each direction
    for least, sees in ((0, True), (100, True), (40, False)):
        asked = copy.copy(model)
        asked.config = replace(model.config, least=least)
        assert asked.config.least_box == (least or model.config.view)
        one, other = (harmonize(asked, picture, mask)[..., 95:105, 95:105] for picture in (far, image))
        assert torch.equal(one, other) is not sees


@pytest.mark.parametrize("context", [1.0, 0.0, float("nan")])
def test_a_context_without_background_is_refused(model: HarmonizerNet, context: float) -> None:
    with pytest.raises(InputError, match=f"context.*{context}"):
        harmonize(model, *composite(), context=context)
