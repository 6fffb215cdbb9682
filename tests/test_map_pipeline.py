"""The public call with a network that draws maps: what comes out is those maps at full size, worked out slowly."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regharm_core import harmonize
from regharm_core.network.face import HarmonizerOutput
from regharm_core.network.mapnet import MapNet
from regharm_core.network.rim import ALONE, TOLD
from regharm_core.picture.box import Box
from regharm_core.picture.rims import rims_of
from regharm_core.picture.subjects import DEFAULT_CONTEXT, subjects_of
from regharm_core.picture.view import DONE, look, part_of
from tests.network import slow_maps
from tests.network.mapnets import EVERYTHING, lively, lively_reader

CAUTION = 6.0


@pytest.fixture(scope="module")
def model() -> MapNet:
    return lively(**EVERYTHING).requires_grad_(False)


def picture(height: int = 60, width: int = 90, batch: int = 1) -> tuple[Tensor, Tensor]:
    """Colours well inside the range, and a soft-edged disc to the left of the middle."""
    random = torch.Generator().manual_seed(0)
    small = torch.rand(batch, 3, 6, 6, generator=random)
    image = F.interpolate(small, (height, width), mode="bicubic").clamp(0, 1) * 0.4 + 0.3
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    disc = ((0.5 - ((x + 0.2).square() + y.square()).sqrt()) * 20 + 0.5).clamp(0, 1)
    return image, disc.expand(batch, 1, height, width).clone()


def worked_out(
    model: MapNet,
    image: Tensor,
    mask: Tensor,
    *,
    context: float | None = DEFAULT_CONTEXT,
    mirrored: bool = False,
    reference: Tensor | None = None,
    strength: float = 1.0,
) -> Tensor:
    """One picture: the small copy's maps, from both sides where asked, enlarged as a whole, applied pixel by pixel."""
    (subject,) = subjects_of(
        0, mask[0], None if reference is None else reference[0], context, replace(model.config, wider=1.0)
    )
    seen, box = look(model, image, mask, reference, [subject]), subject.box
    with torch.inference_mode():
        maps = model(seen[0], seen[1], reference=seen[2]).maps
        if mirrored:
            turned = [None if part is None else part.flip(3) for part in seen]
            maps = (maps + model(turned[0], turned[1], reference=turned[2]).maps.flip(3)) / 2
    large = F.interpolate(maps, box.size, mode="bilinear", align_corners=False)[0]
    answer = image.clone()
    inside, share = box.of(answer[0]), box.of(mask[0])
    change = slow_maps.apply_maps(large, inside.clamp(0, 1))
    inside += strength * share * change
    return torch.where(mask > 0, answer.clamp(0, 1), image)


def slow_part(answer: Tensor, inner: Box, outer: Box) -> Tensor:
    """C h w over the outer box, at the middles of h x w places of the inner one: bilinear, place by place."""
    _, height, width = answer.shape
    made = torch.empty_like(answer)
    for row in range(height):
        for column in range(width):
            y = inner.top + (row + 0.5) / height * inner.size[0]
            x = inner.left + (column + 0.5) / width * inner.size[1]
            v = min(max((y - outer.top) / outer.size[0] * height - 0.5, 0), height - 1)
            u = min(max((x - outer.left) / outer.size[1] * width - 0.5, 0), width - 1)
            top, left = min(int(v), height - 2), min(int(u), width - 2)
            b, a = v - top, u - left
            upper = (1 - a) * answer[:, top, left] + a * answer[:, top, left + 1]
            lower = (1 - a) * answer[:, top + 1, left] + a * answer[:, top + 1, left + 1]
            made[:, row, column] = (1 - b) * upper + b * lower
    return made


CALLS: dict[str, dict[str, Any]] = {
    "the box": {},
    "the whole picture": {"context": None},
    "a narrow box": {"context": 1.25},
    "from both sides": {"mirrored": True},
    "half": {"strength": 0.5},
    "twice": {"strength": 2.0, "mirrored": True},
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("size", [(60, 90), (64, 64), (150, 40)], ids=str)
def test_the_maps_at_full_size(model: MapNet, size: tuple[int, int], name: str) -> None:
    image, mask = picture(*size)
    made = harmonize(model, image, mask, **({"mirrored": False} | CALLS[name]))
    torch.testing.assert_close(made, worked_out(model, image, mask, **CALLS[name]), rtol=0, atol=2e-5)
    outside = (mask == 0).expand_as(image)
    assert torch.equal(made[outside].view(torch.int32), image[outside].view(torch.int32))
    assert float((made - image)[~outside].abs().mean()) > 0.01


def test_how_small_each_look_may_be(model: MapNet) -> None:
    """20 px in a large picture: 1.25 times that is less than ``least``, 2.8 times less than ``least_wide``."""
    mask = torch.zeros(1, 400, 400)
    mask[:, 200:220, 150:170] = 1
    config = replace(model.config, view=96, wider=2.0, least=32)
    for least_wide, side in ((0, 96), (128, 128), (40, 56)):
        (subject,) = subjects_of(0, mask, None, DEFAULT_CONTEXT, replace(config, least_wide=least_wide))
        assert subject.box.size == (32, 32) and subject.wide.size == (side, side)


@pytest.mark.parametrize("size", [(60, 90), (150, 40), (200, 260)], ids=str)
@pytest.mark.parametrize("apart", [1, 3])
def test_the_second_look_goes_further(model: MapNet, size: tuple[int, int], apart: int) -> None:
    """Its answer over the wide box, taken where the first look's box lies."""
    image, mask = picture(*size)
    small = F.interpolate(mask, scale_factor=1 / apart)
    mask = F.pad(small, (size[1] - small.shape[3], 0, 0, size[0] - small.shape[2]))
    far = copy.copy(model)
    far.config = replace(model.config, wider=2.0, least=32)
    straight = copy.copy(model)
    straight.config = replace(far.config, wider=1.0)
    (subject,) = subjects_of(0, mask[0], None, DEFAULT_CONTEXT, far.config)
    assert subject.second.box == subject.wide and (apart == 1 or subject.wide.size > subject.box.size)
    near, wide = (look(far, image, mask, None, [one]) for one in (subject, subject.second))
    with torch.inference_mode():
        first = far(near[0], near[1]).maps[0]
        second = far(wide[0].flip(3), wide[1].flip(3)).maps[0].flip(2)
    part = slow_part(second.double(), subject.box, subject.wide)
    found = part_of(second[None], [subject.box], [subject.wide])[0]
    torch.testing.assert_close(found.double(), part, rtol=0, atol=1e-5)
    large = F.interpolate(((first + part) / 2)[None].float(), subject.box.size, mode="bilinear", align_corners=False)[0]
    expected = image.clone()
    inside = subject.box.of(expected[0])
    inside += subject.box.of(mask[0]) * slow_maps.apply_maps(large, inside.clamp(0, 1))
    expected = torch.where(mask > 0, expected.clamp(0, 1), image)
    torch.testing.assert_close(harmonize(far, image, mask), expected, rtol=0, atol=2e-5)
    once, same = (harmonize(one, image, mask, context=3.0, mirrored=False) for one in (far, straight))
    assert torch.equal(once, same)  # a single look sees what it was told to


def test_a_reference_is_shown_and_obeyed(model: MapNet) -> None:
    image, mask = picture()
    answers = []
    for half in (slice(0, 45), slice(45, 90)):
        reference = torch.zeros_like(mask)
        reference[..., half] = 1
        answers.append(harmonize(model, image, mask, reference_mask=reference, mirrored=False))
        expected = worked_out(model, image, mask, reference=reference)
        torch.testing.assert_close(answers[-1], expected, rtol=0, atol=2e-5)
    assert not torch.allclose(*answers, atol=1e-3)


def test_detail_is_kept_at_full_size(model: MapNet) -> None:
    """Maps are smooth: fine texture changes by the map's matrix, and nothing of it is lost in between."""
    image, mask = picture(120, 130)
    texture = torch.rand(1, 1, 120, 130, generator=torch.Generator().manual_seed(1)) * 0.1
    grain = harmonize(model, image + texture, mask, context=None, mirrored=False)
    expected = worked_out(model, image + texture, mask, context=None)
    torch.testing.assert_close(grain, expected, rtol=0, atol=2e-5)


def test_what_one_map_says_a_shared_map_says() -> None:
    """A network that draws one map everywhere: fitted over all frames it is that map again."""
    net = lively(overall=16).requires_grad_(False)
    for layer in (net.head, net.overall.maps):  # type: ignore[union-attr]
        nn.init.zeros_(layer.weight), nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    random = torch.Generator().manual_seed(2)
    net.overall.maps.bias.copy_(torch.randn(12, generator=random) * 0.1)  # type: ignore[union-attr]
    image, mask = picture(batch=3)
    image = image * torch.tensor([0.6, 1.0, 1.3]).view(3, 1, 1, 1)
    apart, together = (harmonize(net, image, mask, shared=shared) for shared in (False, True))
    assert float((apart - image).abs().max()) > 0.05
    torch.testing.assert_close(together, apart, rtol=0, atol=2e-3)


def test_frames_that_share_a_map_change_equal_colours_equally(model: MapNet) -> None:
    image, mask = picture(64, 64, batch=2)
    image[:, :, 28:36, 20:30] = 0.5
    image[1, :, :10] *= 0.5
    made = harmonize(model, image, mask, shared=True)
    torch.testing.assert_close(made[0, :, 32, 25], made[1, :, 32, 25], rtol=0, atol=1e-5)
    apart = harmonize(model, image, mask)
    assert not torch.allclose(apart[0, :, 32, 25], apart[1, :, 32, 25], atol=1e-4)


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("mirrored", [False, True])
def test_what_the_rim_tells_comes_first(mirrored: bool, told: bool) -> None:
    """The composite with the rim's map goes to the network, whose answer follows: whole where the network was told,
    else by as much as the rim leaves."""
    net = lively(**EVERYTHING | {"rim": 8, "told": told})
    assert net.rim is not None
    net.rim.load_state_dict(lively_reader().state_dict())
    net.requires_grad_(False)
    image, mask = picture(70, 90)
    mask = (mask > 0.5).float()
    (subject,) = subjects_of(0, mask[0], None, DEFAULT_CONTEXT, replace(net.config, wider=1.0))
    rim, box = rims_of(image, mask, None, [subject]), subject.box
    seen = look(net, image, mask, None, [subject])
    with torch.inference_mode():
        reading = net.rim(rim).if_sure(TOLD if told else ALONE)
        maps = net(seen[0], seen[1], rim=rim).maps
        if mirrored:
            maps = (maps + net(seen[0].flip(3), seen[1].flip(3), rim=rim).maps.flip(3)) / 2
    own = F.interpolate(maps, box.size, mode="bilinear", align_corners=False)[0]
    own = own if told else own * min(float(reading.left) / DONE, 1.0)
    inside = box.of(image[0])
    changed = inside + slow_maps.apply_maps(reading.maps[0].expand(12, *box.size), inside)
    changed = changed + slow_maps.apply_maps(own, changed)
    expected = image.clone()
    box.of(expected[0])[:] = torch.where(box.of(mask[0]) > 0, changed.clamp(0, 1), inside)
    made = harmonize(net, image, mask, mirrored=mirrored)
    assert float((changed - inside).abs().mean()) > 0.02 and float(reading.maps.abs().max()) > 0.02
    torch.testing.assert_close(made, expected, rtol=0, atol=3e-5)


@pytest.mark.parametrize("told", [False, True])
def test_who_is_told_of_the_rim_answers_for_both(told: bool) -> None:
    """Caution holds back all of the change there, by its size; elsewhere the network's own part alone."""
    net = lively(**EVERYTHING | {"rim": 8, "told": told}).requires_grad_(False)
    assert net.rim is not None
    net.rim.load_state_dict(lively_reader().state_dict())
    for layer in (net.head, net.overall.maps):  # type: ignore[union-attr]
        layer.weight.mul_(0.2)  # type: ignore[operator]
        layer.bias.mul_(0.2)  # type: ignore[operator]
    image, mask = picture(64, 64)
    mask = (mask > 0.5).float()
    plain = harmonize(net, image, mask, context=None, mirrored=False) - image
    seen: list[HarmonizerOutput] = []
    net.register_forward_hook(lambda *call: seen.append(call[-1]))
    caution = 10.0 if told else 64.0
    net.config = replace(net.config, caution=caution)
    held = harmonize(net, image, mask, context=None, mirrored=False) - image
    (output,) = seen
    assert output.rim is not None and output.doubt is not None
    if told:
        energy = float(slow_maps.energy(plain[0], mask[0, 0]))
        share = energy**4 / (energy**4 + (caution**2 * float(output.doubt.exp())) ** 2)
        assert 0.02 < share < 0.9
        torch.testing.assert_close(held, share * plain, rtol=0, atol=1e-4)
    else:
        first = slow_maps.apply_maps(output.rim.maps[0].expand(12, 64, 64), image[0]) * mask[0]
        left = (held[0] - first).abs().mean()
        assert left < 0.1 * (plain[0] - first).abs().mean() and left < 0.1 * first.abs().mean()


def test_without_an_edge_the_reader_has_no_say() -> None:
    """A reference that does not touch the mask: nothing beside the edge may be consulted."""
    net, other = (lively(**EVERYTHING | {"rim": 8}).requires_grad_(False) for _ in range(2))
    assert other.rim is not None
    other.rim.load_state_dict(lively_reader().state_dict())
    image, mask = picture()
    reference = torch.zeros_like(mask)
    reference[..., 75:] = 1
    made, expected = (harmonize(one, image, mask, reference_mask=reference) for one in (net, other))
    assert torch.equal(made, expected) and not torch.equal(made, image)
    assert not torch.equal(harmonize(net, image, mask), harmonize(other, image, mask))


@pytest.mark.parametrize("doubting", [True, False])
def test_an_answer_is_held_back_by_what_the_network_doubts(model: MapNet, doubting: bool) -> None:
    """e^4 / (e^4 + (caution^2 d)^2), d the error that the network expects; without doubt, e / (e + caution^2)."""
    image, mask = picture(64, 64)
    net = lively(**EVERYTHING | {"doubt": doubting}).requires_grad_(False)
    for layer in (net.head, net.overall.maps):  # type: ignore[union-attr]
        layer.weight.mul_(0.2)  # type: ignore[operator]
        layer.bias.mul_(0.2)  # type: ignore[operator]  (no colour is cut off)
    plain = harmonize(net, image, mask, context=None, mirrored=False)
    net.config = replace(net.config, caution=CAUTION)
    held = harmonize(net, image, mask, context=None, mirrored=False)
    output = net(image, mask)
    energy = float(slow_maps.energy(output.prediction[0], mask[0, 0]))
    share = energy / (energy + CAUTION**2)
    if output.doubt is not None:
        share = energy**4 / (energy**4 + (CAUTION**2 * float(output.doubt.exp())) ** 2)
    assert 0.1 < share < 0.95
    torch.testing.assert_close(held - image, share * (plain - image), rtol=0, atol=1e-5)


@pytest.mark.parametrize("matching", ["features", "content"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_in_half_precision(dtype: torch.dtype, matching: str) -> None:
    """As a host may load them: the whole network in half, on a CPU too, at a view of which sums are beyond fp16."""
    net = lively(**EVERYTHING | {"matching": matching, "eye_view": 96, "view": 288, "caution": 0.3})
    image, mask = picture(300, 320)
    mask[:, :, :, 200:] = 0
    wanted = harmonize(net.requires_grad_(False), image, mask)
    made = harmonize(net.to(dtype), image, mask)
    assert made.dtype == torch.float32
    assert float((wanted - image).abs().max()) > 0.05
    assert float((made - wanted).abs().max()) < {torch.float16: 0.004}.get(dtype, 0.03)
