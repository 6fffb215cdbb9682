"""The bridge: what goes in comes out in the same shape, and the background bit for bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.nodes import fakes

NODE = "RegHarmHarmonize"


def test_foreground_changes_and_background_does_not(pack: Any, harmonizer: Any, scene: Any) -> None:
    before = scene.image.clone(), scene.mask.clone()
    image, mask, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0)
    assert image.shape == scene.image.shape and image.dtype == scene.image.dtype
    assert torch.equal(image[scene.outside], scene.image[scene.outside])
    assert not torch.equal(image[scene.inside], scene.image[scene.inside])
    assert torch.equal(mask, scene.mask)
    assert torch.equal(scene.image, before[0]) and torch.equal(scene.mask, before[1])
    assert pack.host.loaded[0] > 0 and pack.host.bars[0].seen == [2, 4, 6, 8]
    assert pack.facts[0].startswith("2 images, 19 % of each foreground: ") and not pack.cautions


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_pictures(pack: Any, harmonizer: Any, scene: Any, dtype: torch.dtype) -> None:
    image = scene.image.to(dtype)
    result, _, _ = pack.run(NODE, harmonizer, image, scene.mask.to(dtype), 1.0, blend_mask=scene.mask * 0.5)
    assert result.dtype == dtype
    assert torch.equal(result[scene.outside], image[scene.outside])
    assert not torch.equal(result[scene.inside], image[scene.inside])


def test_alpha_and_values_out_of_range_are_kept(pack: Any, harmonizer: Any, scene: Any) -> None:
    image = torch.cat([scene.image, torch.rand(2, 48, 64, 1)], dim=3)
    image[:, :4, :, :3] = 7.5
    image[:, 20:24, 20:24, :3] = 3.0
    result, _, _ = pack.run(NODE, harmonizer, image, scene.mask, 1.0)
    assert torch.equal(result[..., 3], image[..., 3])
    assert torch.equal(result[scene.outside], image[scene.outside])
    assert float(result[:, 20:24, 20:24, :3].amin()) > 1.5


def test_grey_becomes_colour(pack: Any, harmonizer: Any, scene: Any) -> None:
    result, _, _ = pack.run(NODE, harmonizer, scene.image[..., :1], scene.mask, 1.0)
    assert result.shape == (2, 48, 64, 3)


@pytest.mark.parametrize(
    "shape", [(48, 64), (1, 48, 64), (1, 1, 48, 64), (1, 48, 64, 1), (2, 1, 48, 64), (24, 32), (2, 96, 128)]
)
def test_masks_of_many_shapes(pack: Any, harmonizer: Any, scene: Any, shape: tuple[int, ...]) -> None:
    mask = torch.zeros(shape)
    flat = mask.reshape(-1, *(shape[1:3] if len(shape) == 4 and shape[3] == 1 else shape[-2:]))
    flat[:, flat.shape[1] // 4 : flat.shape[1] // 2, flat.shape[2] // 4 : flat.shape[2] // 2] = 1
    result, used, _ = pack.run(NODE, harmonizer, scene.image, mask, 1.0)
    assert result.shape == scene.image.shape and used.shape == (2, 48, 64)
    assert float(used[0].sum()) == pytest.approx(12 * 16, rel=0.05)
    assert torch.equal(result[used == 0], scene.image[used == 0])


def test_one_image_with_many_masks(pack: Any, harmonizer: Any, scene: Any) -> None:
    masks = torch.zeros(3, 48, 64)
    for n in range(3):
        masks[n, 8 * n : 8 * n + 16, 8:40] = 1
    result, used, _ = pack.run(NODE, harmonizer, scene.image[:1], masks, 1.0)
    assert result.shape == (3, 48, 64, 3) and torch.equal(used, masks)
    for n in range(3):
        assert torch.equal(result[n][masks[n] == 0], scene.image[0][masks[n] == 0])


def test_many_images_with_one_mask_and_with_too_few(pack: Any, harmonizer: Any, scene: Any) -> None:
    images = scene.image.repeat(2, 1, 1, 1)[:3]
    one, used, _ = pack.run(NODE, harmonizer, images, scene.mask[:1], 1.0)
    assert one.shape == images.shape and used.shape == (3, 48, 64)
    assert not pack.cautions
    masks = scene.mask.clone()
    masks[1] = masks[1].roll(10, 1)
    two, used, _ = pack.run(NODE, harmonizer, images, masks, 1.0)
    assert torch.equal(one[0], two[0]) and torch.equal(used, masks[[0, 1, 1]])
    assert pack.cautions == ["3 images, 2 masks: the last mask was repeated"]
    four = scene.mask.repeat(2, 1, 1)
    _, used, _ = pack.run(NODE, harmonizer, images, four, 1.0, reference_mask=1 - masks)
    assert torch.equal(used, four[:3])
    assert pack.cautions == [
        "3 images, 4 masks: the last 1 mask was left out",
        "3 images, 2 reference masks: the last reference mask was repeated",
    ]


def test_alpha_of_one_image_follows_its_many_masks(pack: Any, harmonizer: Any, scene: Any) -> None:
    image = torch.cat([scene.image[:1], torch.rand(1, 48, 64, 1)], dim=3)
    result, _, _ = pack.run(NODE, harmonizer, image, scene.mask, 1.0)
    assert result.shape == (2, 48, 64, 4) and torch.equal(result[1, ..., 3], image[0, ..., 3])


def test_the_empty_mask_of_load_image_warns_and_changes_nothing(pack: Any, harmonizer: Any, scene: Any) -> None:
    result, used, _ = pack.run(NODE, harmonizer, scene.image, torch.zeros(64, 64), 1.0)
    assert torch.equal(result, scene.image) and used.shape == (2, 48, 64)
    assert not pack.facts and pack.cautions == ["the mask is empty: 2 images returned unchanged"]


def test_one_empty_mask_among_others_is_counted(pack: Any, harmonizer: Any, scene: Any) -> None:
    mask = scene.mask.clone()
    mask[1] = 0
    result, _, _ = pack.run(NODE, harmonizer, scene.image, mask, 1.0)
    assert torch.equal(result[1], scene.image[1]) and not torch.equal(result[0], scene.image[0])
    assert "1 of 2 images" in pack.said


def test_a_full_mask_has_nothing_to_match_with(pack: Any, harmonizer: Any, scene: Any) -> None:
    result, _, _ = pack.run(NODE, harmonizer, scene.image, torch.ones(48, 64), 1.0)
    assert torch.equal(result, scene.image) and "no background" in pack.said


def test_a_mask_of_another_shape_is_spoken_of(pack: Any, harmonizer: Any, scene: Any) -> None:
    cutout = torch.zeros(40, 20)
    cutout[10:30, 5:15] = 1
    pack.run(NODE, harmonizer, scene.image, cutout, 1.0)
    assert "mask (20 x 40) was stretched to the image's shape (64 x 48)" in pack.said
    pack.run(NODE, harmonizer, scene.image, scene.mask[:, ::8, ::8], 1.0)  # of a latent: smaller, the same shape
    assert not pack.cautions
    pack.run(NODE, harmonizer, scene.image, torch.zeros(64, 64), 1.0, blend_mask=torch.ones(30, 30))
    assert len(pack.cautions) == 2 and "blend_mask (30 x 30)" in pack.said and "mask is empty" in pack.said


def test_the_status_is_of_this_run_alone(pack: Any, harmonizer: Any, scene: Any) -> None:
    pack.run(NODE, harmonizer, scene.image, torch.zeros(64, 64), 1.0)
    assert pack.cautions
    pack.run(NODE, harmonizer, scene.image[:1], scene.mask, 1.0, frames="shared")
    assert not pack.cautions and len(pack.facts) == 1


def test_masks_that_are_probably_wrong_are_spoken_of(pack: Any, harmonizer: Any, scene: Any) -> None:
    pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0, invert_mask=True)
    assert pack.cautions == [
        "the mask of 2 images looks inverted: white all around, black inside. Should invert_mask be off?"
    ]
    pack.run(NODE, harmonizer, scene.image[:1], 1 - scene.mask[:1], 1.0)
    assert pack.cautions == ["the mask looks inverted: white all around, black inside. Should invert_mask be on?"]
    most = torch.ones(1, 48, 64)
    most[:, :, :5] = 0
    pack.run(NODE, harmonizer, scene.image[:1], most, 1.0)
    assert "more than nine tenths of the image" in pack.said and pack.facts
    pack.run(NODE, harmonizer, scene.image, 0.3 * scene.mask, 1.0)
    assert pack.cautions == ["the mask of 2 images is nowhere brighter than a half: only a part of the change is shown"]


def test_a_blend_mask_that_shows_nothing_is_spoken_of(pack: Any, harmonizer: Any, scene: Any) -> None:
    result, _, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0, blend_mask=torch.zeros(48, 64))
    assert torch.equal(result, scene.image)
    assert pack.facts == ["2 images, unchanged"]
    assert pack.cautions == ["the blend mask is black over all of the foreground: 2 images returned unchanged"]


def test_reference_mask_is_heard(pack: Any, harmonizer: Any, scene: Any) -> None:
    reference = torch.zeros(48, 64)
    free, _, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0)
    result, _, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0, reference_mask=reference)
    assert torch.equal(result, scene.image) and "reference mask nowhere above a half" in pack.said
    reference[:, 48:] = 1
    result, _, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0, reference_mask=reference)
    assert not torch.equal(result, scene.image) and not torch.equal(result, free)


def test_blend_mask_limits_what_is_shown(pack: Any, harmonizer: Any, scene: Any) -> None:
    whole, _, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0)
    blend = torch.zeros(48, 64)
    blend[:, :28] = 1
    result, used, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0, blend_mask=blend)
    assert torch.equal(result[:, :, :28], whole[:, :, :28])
    assert torch.equal(result[:, :, 28:], scene.image[:, :, 28:])
    assert torch.equal(used, scene.mask)


def test_mask_options(pack: Any, harmonizer: Any, scene: Any) -> None:
    _, plain, _ = pack.run(NODE, harmonizer, scene.image, 1 - scene.mask, 1.0, invert_mask=True)
    assert torch.equal(plain, scene.mask)
    _, grown, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0, expand=4)
    assert float(grown[0, 24, 12]) == 1 and float(grown[0, 24, 11]) == 0
    _, shrunk, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0, expand=-4)
    assert float(shrunk[0, 24, 20]) == 1 and float(shrunk[0, 24, 19]) == 0
    result, soft, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0, feather=5)
    assert 0 < float(soft[0, 24, 15]) < 1 and float(soft[0, 24, 10]) == 0
    assert torch.equal(result[soft == 0], scene.image[soft == 0])


def test_strength(pack: Any, harmonizer: Any, scene: Any) -> None:
    none, _, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 0.0)
    assert pack.facts == ["strength is 0: 2 images returned unchanged"] and not pack.cautions
    half, _, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 0.5)
    whole, _, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0)
    assert torch.equal(none, scene.image)
    assert torch.allclose(half - scene.image, (whole - scene.image) / 2, atol=1e-5)


def test_shared_frames_get_one_change(pack: Any, harmonizer: Any, scene: Any) -> None:
    grey = scene.image.clone()
    grey[:, 20:24, 20:24] = 0.5
    result, _, _ = pack.run(NODE, harmonizer, grey, scene.mask, 1.0, frames="shared")
    change = (result - grey)[:, 20:24, 20:24]
    assert torch.allclose(change[0], change[1], atol=1e-6) and float(change.abs().amax()) > 0
    assert pack.host.bars[0].seen == [2, 4, 6, 8]  # half of it while the network looks


@pytest.mark.parametrize("frames", ["per frame", "shared"])
@pytest.mark.parametrize("old_host", [False, True])
def test_cancel_goes_through(pack: Any, harmonizer: Any, scene: Any, frames: str, old_host: bool) -> None:
    pack.host.interrupt = fakes.InterruptedOldStyle if old_host else fakes.Interrupted
    pack.host.cancel_after = 1
    with pytest.raises(pack.host.interrupt):
        pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0, frames=frames)
    pack.host.cancel_after = None
    assert not harmonizer.model._forward_pre_hooks
    result, _, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0, frames=frames)
    assert result.shape == scene.image.shape


def test_cancel_is_heard_in_every_layer(pack: Any, harmonizer: Any, scene: Any) -> None:
    passed: list[str] = []
    last = harmonizer.model.head.register_forward_hook(lambda *_: passed.append("head"))
    pack.run(NODE, harmonizer, scene.image[:1], scene.mask[:1], 1.0)
    layers, before = len(list(harmonizer.model.modules())), pack.host.checks
    assert passed and before > layers / 2
    passed.clear()
    pack.host.checks, pack.host.cancel_after = 0, before // 2
    with pytest.raises(pack.host.interrupt):
        pack.run(NODE, harmonizer, scene.image[:1], scene.mask[:1], 1.0)
    assert not passed, "the pass went on to its end"
    last.remove()
    assert not any(module._forward_pre_hooks for module in harmonizer.model.modules())


class SmallDevice:
    """Stands in for the core's harmonize on a device with room for ``room`` pictures."""

    def __init__(self, real: Any, room: int, error: type[Exception]) -> None:
        self.real, self.room, self.error, self.tried = real, room, error, []

    def __call__(self, net: Any, image: Any, mask: Any, **options: Any) -> Any:
        size = min(options["batch_size"], image.shape[0])
        self.tried.append(size)
        if size > self.room:
            raise self.error("device full")
        return self.real(net, image, mask, **options)


@pytest.fixture
def device(pack: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    pack.host.device_is_cpu = False

    def limit(room: int) -> SmallDevice:
        core = pack.module("regharm_core")
        small = SmallDevice(core.harmonize, room, fakes.OutOfMemory)
        monkeypatch.setattr(core, "harmonize", small)
        return small

    return limit


@pytest.mark.parametrize("frames", ["per frame", "shared"])
def test_out_of_memory_is_answered_by_smaller_batches(
    pack: Any, harmonizer: Any, scene: Any, device: Any, frames: str
) -> None:
    images = scene.image.repeat(3, 1, 1, 1)[:5]
    roomy, _, _ = pack.run(NODE, harmonizer, images, scene.mask[:1], 1.0, frames=frames)
    small = device(2)
    result, _, _ = pack.run(NODE, harmonizer, images, scene.mask[:1], 1.0, frames=frames)
    assert small.tried[:2] == [5, 2] and max(small.tried[1:]) == 2
    assert torch.allclose(result, roomy, atol=1e-5)
    assert pack.host.bars[-1].seen[-1] == 20 and pack.host.emptied and not pack.host.unloaded


def test_out_of_memory_with_one_picture_is_a_clear_error(pack: Any, harmonizer: Any, scene: Any, device: Any) -> None:
    small = device(0)
    with pytest.raises(RuntimeError, match=r"out of memory on cpu with a single picture of 64 x 48 px"):
        pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0)
    assert small.tried == [2, 1] and pack.host.unloaded == 1
    small.room = 8
    result, _, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0)
    assert result.shape == scene.image.shape


def test_values_that_are_not_finite_are_refused_by_name(pack: Any, harmonizer: Any, scene: Any) -> None:
    image = scene.image.clone()
    image[0, 0, 0, 0] = float("nan")
    with pytest.raises(pack.module("regharm_core").InputError, match="image holds values that are not finite"):
        pack.run(NODE, harmonizer, image, scene.mask, 1.0)
    mask = scene.mask.clone()
    mask[1, 5, 5] = float("nan")
    for name in ("mask", "reference_mask", "blend_mask"):
        masks = {"mask": scene.mask} | {name: mask}
        with pytest.raises(pack.module("regharm_core").InputError, match=f"^{name} holds values that are not finite"):
            pack.run(NODE, harmonizer, scene.image, strength=1.0, **masks)


@pytest.mark.parametrize("shape", [(2, 48, 64, 2), (48, 64, 3), (2, 8, 8, 3)])
def test_pictures_that_cannot_be_used_are_named(pack: Any, harmonizer: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(pack.module("regharm_core").InputError, match="image must"):
        pack.run(NODE, harmonizer, torch.rand(shape), torch.ones(48, 64), 1.0)


def test_errors_quote_sizes_as_people_say_them(pack: Any, harmonizer: Any) -> None:
    error = pack.module("regharm_core").InputError
    with pytest.raises(error, match="image must have 16 to 32768 px a side, got 20 x 8 px"):
        pack.run(NODE, harmonizer, torch.rand(1, 8, 20, 3), torch.ones(8, 20), 1.0)


@pytest.mark.parametrize("shape", [(64,), (2, 3, 48, 64), (0, 48, 64)])
def test_masks_that_cannot_be_used_are_named(pack: Any, harmonizer: Any, scene: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(pack.module("regharm_core").InputError, match="mask must"):
        pack.run(NODE, harmonizer, scene.image, torch.ones(shape), 1.0)


def test_large_pictures_are_taken_fewer_at_once(pack: Any, harmonizer: Any) -> None:
    host = pack.module("nodes.host")
    pack.host.device_is_cpu = False
    cpu = torch.device("cpu")
    assert host._first_batch(cpu, 100, 512 * 512) == 8
    assert host._first_batch(cpu, 100, 4096 * 4096) == 2
    assert host._first_batch(cpu, 100, 8192 * 8192) == 1
    one, eight = (host.activation_bytes(harmonizer.model, n, 512 * 512) for n in (1, 8))
    assert 20e6 < one < eight < 1e9


def test_steady_frames_objects_and_encoding_reach_the_core(pack: Any, harmonizer: Any, scene: Any) -> None:
    core = pack.module("regharm_core")
    picture, mask = scene.image[..., :3].movedim(-1, 1), scene.mask[:, None]
    for settings, wanted in (
        ({"frames": "steady"}, {"steady": True}),
        ({"objects": "together"}, {"objects": "together"}),
        ({"encoding": "linear"}, {"encoding": "linear"}),
    ):
        result, _, _ = pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0, **settings)
        expected = core.harmonize(harmonizer.model, picture, mask, **wanted)
        torch.testing.assert_close(result[..., :3], expected.movedim(1, -1), rtol=0, atol=1e-4)


def test_each_mask_that_comes_out_has_memory_of_its_own(pack: Any, harmonizer: Any, scene: Any) -> None:
    _, used, _ = pack.run(NODE, harmonizer, scene.image, scene.mask[:1], 1.0)
    assert used.shape[0] == 2 and used[0].data_ptr() != used[1].data_ptr()


def test_only_what_is_shown_and_changed_is_spoken_of(pack: Any, harmonizer: Any, scene: Any) -> None:
    pack.run(NODE, harmonizer, scene.image[:1], scene.mask[:1], 1.0)
    whole = pack.facts[0].rsplit(": ")[1]
    shown = torch.zeros(1, 48, 64)
    shown[:, :, :26] = 1  # a part of the foreground
    pack.run(NODE, harmonizer, scene.image[:1], scene.mask[:1], 1.0, blend_mask=shown)
    share, words = pack.facts[0].rsplit(": ")
    assert "19 %" not in share and words.startswith(whole.split(",")[0])
    masks = torch.cat([scene.mask[:1], torch.ones(1, 48, 64)])  # of the second nothing is left to look at
    pack.run(NODE, harmonizer, scene.image, masks, 1.0)
    assert pack.facts[0].startswith("2 images, 19 % of each foreground: ") and "1 of 2 images returned" in pack.said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"expand": 100000}, "expand must be from -512 to 512 px, got 100000"),
        ({"expand": -600}, "expand must be from -512 to 512 px, got -600"),
        ({"feather": -5}, "feather must be from 0 to 512 px, got -5"),
    ],
)
def test_links_may_bring_any_number(pack: Any, harmonizer: Any, scene: Any, settings: Any, said: str) -> None:
    with pytest.raises(pack.module("regharm_core").InputError, match=said):
        pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0, **settings)
