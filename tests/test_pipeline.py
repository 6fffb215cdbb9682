"""The public call: guarantees that hold for any network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks.helpers.peak import Peak
from regharm_core import HarmonizerNet, InputError, attention_map, harmonize
from regharm_core.picture import carry
from regharm_core.picture.correction import Correction, apply_correction
from tests.discs import composite, strong_network


@pytest.fixture(scope="module")
def model() -> HarmonizerNet:
    return strong_network()


@pytest.mark.parametrize("size", [(16, 16), (16, 700), (257, 255), (256, 256), (300, 40)])
def test_background_is_bit_identical_and_foreground_changes(model: HarmonizerNet, size: tuple[int, int]) -> None:
    image, mask = composite(*size)
    image[..., 0, 0] = -0.0  # a sign that 0 + -0.0 would lose
    before = image.clone(), mask.clone()
    result = harmonize(model, image, mask)
    outside = (mask == 0).expand_as(image)
    assert result.shape == image.shape and result.dtype == image.dtype
    assert torch.equal(result[outside].view(torch.int32), image[outside].view(torch.int32))
    assert (result - image)[~outside].abs().max() > 1e-3
    assert torch.equal(image, before[0]) and torch.equal(mask, before[1])
    assert 0 <= result.min() and result.max() <= 1


def test_strength_scales_the_change(model: HarmonizerNet) -> None:
    image, mask = composite()
    image = image * 0.2 + 0.4
    one, half = harmonize(model, image, mask), harmonize(model, image, mask, strength=0.5)
    assert torch.equal(harmonize(model, image, mask, strength=0), image)
    inside = ((one > 0.001) & (one < 0.999)).all(1, keepdim=True).expand_as(image)
    assert torch.allclose((half - image)[inside], (one - image)[inside] / 2, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_empty_and_full_masks_return_the_input(model: HarmonizerNet, value: float) -> None:
    image, mask = composite()
    assert torch.equal(harmonize(model, image, torch.full_like(mask, value)), image)


def test_a_reference_mask_without_background_returns_the_input(model: HarmonizerNet) -> None:
    image, mask = composite()
    assert torch.equal(harmonize(model, image, mask, reference_mask=mask), image)
    assert torch.equal(harmonize(model, image, mask, reference_mask=torch.zeros_like(mask)), image)


def test_a_reference_mask_decides_what_is_consulted(model: HarmonizerNet) -> None:
    image, mask = composite(256, 256)
    left = torch.zeros_like(mask)
    left[..., :64] = 1
    heat = attention_map(model, image, mask, reference_mask=left)
    assert heat[..., 80:].max() == 0 and heat[..., :64].max() == 1
    assert not torch.equal(harmonize(model, image, mask, reference_mask=left), harmonize(model, image, mask))


def test_one_foreground_pixel(model: HarmonizerNet) -> None:
    image, mask = composite(200, 300)
    mask = torch.zeros_like(mask)
    mask[..., 77, 123] = 1
    result = harmonize(model, image, mask)
    assert bool(torch.isfinite(result).all())
    changed = (result != image).any(1).nonzero()
    assert changed.tolist() in ([], [[0, 77, 123]])


@pytest.mark.parametrize("at_once", [1, 3, 8])
def test_a_batch_equals_its_singles(model: HarmonizerNet, at_once: int) -> None:
    images, masks = composite(64, 96, batch=3)
    masks[0, :, :, 40:] = 0
    masks[1] = 0
    together = harmonize(model, images, masks, batch_size=at_once)
    for n in range(3):
        alone = harmonize(model, images[n : n + 1], masks[n : n + 1])
        assert torch.allclose(together[n : n + 1], alone, atol=1e-5)


def test_the_same_input_twice_gives_the_same_bits(model: HarmonizerNet) -> None:
    image, mask = composite()
    assert torch.equal(harmonize(model, image, mask), harmonize(model, image, mask))


def test_strips_leave_no_trace(model: HarmonizerNet, monkeypatch: pytest.MonkeyPatch) -> None:
    image, mask = composite(120, 90)
    whole = harmonize(model, image, mask)
    monkeypatch.setattr("regharm_core.picture.carry.CACHE_PIXELS", 7 * 90)
    assert torch.allclose(harmonize(model, image, mask), whole, atol=1e-6)


def test_values_outside_the_range_are_kept(model: HarmonizerNet) -> None:
    image, mask = composite()
    image[..., 30, 45] = 7.5
    image[..., 31, 45] = -2.0
    result = harmonize(model, image, mask)
    assert (result[..., 30, 45] - 7.5).abs().max() < 1 and (result[..., 31, 45] + 2).abs().max() < 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_dtypes(model: HarmonizerNet, dtype: torch.dtype) -> None:
    image, mask = composite()
    result = harmonize(model, image.to(dtype), mask.to(dtype))
    outside = (mask.to(dtype) == 0).expand_as(image)
    assert result.dtype == dtype
    assert torch.equal(result[outside], image.to(dtype)[outside])
    exact = harmonize(model, image.to(dtype).float(), mask.to(dtype).float())
    assert torch.allclose(result.float(), exact, atol={torch.bfloat16: 5e-3}.get(dtype, 1e-3))


def test_shared_maps_give_equal_colours_equal_changes(model: HarmonizerNet) -> None:
    images, masks = composite(64, 64, batch=2)
    images[:, :, 30:34, 30:34] = 0.5
    images[1] = images[1] * 0.7 + 0.15
    result = harmonize(model, images, masks, shared=True)
    assert torch.allclose(result[0, :, 31, 31], result[1, :, 31, 31], atol=1e-5)
    alone = harmonize(model, images, masks)
    assert not torch.allclose(alone[0, :, 31, 31], alone[1, :, 31, 31], atol=1e-5)


def test_progress_counts_and_may_raise(model: HarmonizerNet) -> None:
    images, masks = composite(32, 32, batch=3)
    seen: list[tuple[int, int]] = []
    harmonize(model, images, masks, progress=lambda done, total: seen.append((done, total)))
    assert [step[1] for step in seen] == [6] * len(seen) and [step[0] for step in seen][-4:] == [3, 4, 5, 6]
    seen.clear()
    harmonize(model, images, masks, shared=True, batch_size=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 6) for n in range(1, 7)]

    class Cancelled(BaseException):
        pass

    def cancel(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        harmonize(model, images, masks, progress=cancel)


@pytest.mark.parametrize("shared", [False, True])
def test_parts_of_the_change(model: HarmonizerNet, shared: bool) -> None:
    images, masks = composite(batch=2)
    images = images * 0.3 + 0.35
    whole = harmonize(model, images, masks, shared=shared, strength=0.3)
    same = harmonize(model, images, masks, shared=shared, strength=0.3, tone=1, colour=1, contrast=1)
    assert torch.equal(whole, same)
    luma = torch.tensor([0.2126, 0.7152, 0.0722])[None, :, None, None]
    grey = harmonize(model, images, masks, shared=shared, strength=0.3, colour=0) - images
    assert torch.allclose((grey * luma).sum(1), ((whole - images) * luma).sum(1), atol=1e-5)
    assert float((grey.amax(1) - grey.amin(1)).amax()) < 1e-5
    none = harmonize(model, images, masks, shared=shared, tone=0, colour=0, contrast=0)
    assert torch.allclose(none, images, atol=1e-6)
    with pytest.raises(InputError, match="contrast must be from 0 to 2, got 3"):
        harmonize(model, images, masks, contrast=3)


@pytest.mark.parametrize("size", [(60, 90), (256, 256), (700, 300)])
@pytest.mark.parametrize("shared", [False, True])
def test_a_kept_correction_is_the_change(model: HarmonizerNet, size: tuple[int, int], shared: bool) -> None:
    images, masks = composite(*size, batch=2)
    masks[1] = 0
    kept: list[Correction] = []
    result = harmonize(model, images, masks, shared=shared, strength=0.7, colour=0.5, kept=kept)
    assert len(kept) == 2 and kept[1].empty
    assert torch.equal(apply_correction(images[1], masks[1], kept[1]), images[1])
    assert torch.allclose(apply_correction(images[0], masks[0], kept[0]), result[0], atol=1e-5)
    assert torch.equal(apply_correction(images[0], masks[0] * 0, kept[0]), images[0])
    kept.clear()
    harmonize(model, images, masks, strength=0, kept=kept)
    assert [one.empty for one in kept] == [True, True]


@pytest.mark.parametrize("size", [(16, 32768), (32768, 20)])
def test_the_longest_sides(model: HarmonizerNet, size: tuple[int, int]) -> None:
    image, mask = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 1, *size)
    mask[..., : size[0] // 2, : size[1] // 2] = 1
    mask[..., -1, -1] = 1
    made, outside = harmonize(model, image, mask), (mask == 0).expand_as(image)
    assert torch.equal(made[outside].view(torch.int32), image[outside].view(torch.int32))
    assert float((made - image)[~outside].abs().mean()) > 1e-3
    longer = torch.zeros(1, 3, 16, 32769)
    with pytest.raises(InputError, match="got 32769 x 16 px"):
        harmonize(model, longer, longer[:, :1])


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="looks at the process's memory as Linux shows it")
def test_memory_grows_with_the_picture_and_by_little_more(model: HarmonizerNet) -> None:
    """The result, 12 bytes a pixel, and what is worked on besides: half as much again, and strips."""
    pixels = 1024 * 16384
    image, mask = torch.full((1, 3, 1024, 16384), 0.5), torch.zeros(1, 1, 1024, 16384)
    mask[..., 200:700, 2000:12000] = 1
    harmonize(model, image[..., :256], mask[..., 2000:2256])
    with Peak() as peak:
        harmonize(model, image, mask)
    assert peak.grown * 2**20 < 24 * pixels


def test_an_empty_batch(model: HarmonizerNet) -> None:
    assert harmonize(model, torch.zeros(0, 3, 32, 32), torch.zeros(0, 1, 32, 32)).shape == (0, 3, 32, 32)


@pytest.mark.parametrize(
    ("image", "mask", "options", "words"),
    [
        (torch.zeros(1, 4, 32, 32), torch.zeros(1, 1, 32, 32), {}, ["image", "(1, 4, 32, 32)"]),
        (torch.zeros(3, 32, 32), torch.zeros(1, 1, 32, 32), {}, ["image", "(3, 32, 32)"]),
        (torch.zeros(1, 3, 32, 32), torch.zeros(1, 1, 32, 33), {}, ["mask", "1 of 33 x 32 px", "1 of 32 x 32 px"]),
        (torch.zeros(2, 3, 32, 32), torch.zeros(1, 1, 32, 32), {}, ["mask", "1 of 32 x 32 px", "2 of 32 x 32 px"]),
        (torch.zeros(1, 3, 15, 32), torch.zeros(1, 1, 15, 32), {}, ["image", "16 to 32768", "32 x 15 px"]),
        (torch.zeros(1, 3, 32, 32, dtype=torch.uint8), torch.zeros(1, 1, 32, 32), {}, ["image", "uint8"]),
        (torch.full((1, 3, 32, 32), float("nan")), torch.zeros(1, 1, 32, 32), {}, ["image", "finite"]),
        (torch.zeros(1, 3, 32, 32), torch.full((1, 1, 32, 32), float("inf")), {}, ["mask", "finite"]),
        (torch.zeros(1, 3, 32, 32), torch.zeros(1, 1, 32, 32), {"strength": 2.5}, ["strength", "2.5"]),
        (torch.zeros(1, 3, 32, 32), torch.zeros(1, 1, 32, 32), {"strength": float("nan")}, ["strength", "nan"]),
        (torch.zeros(1, 3, 32, 32), torch.zeros(1, 1, 32, 32), {"batch_size": 0}, ["batch_size", "0"]),
        (
            torch.zeros(1, 3, 32, 32),
            torch.zeros(1, 1, 32, 32),
            {"reference_mask": torch.zeros(1, 1, 9, 9)},
            ["9 x 9 px"],
        ),
        ("picture", torch.zeros(1, 1, 32, 32), {}, ["image", "str"]),
    ],
)
def test_bad_input_is_quoted(model: HarmonizerNet, image: Tensor, mask: Tensor, options: dict, words: list) -> None:
    with pytest.raises(InputError) as caught:
        harmonize(model, image, mask, **options)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_detail_survives_enlargement(model: HarmonizerNet) -> None:
    """A large picture's fine texture is as strong after as before, unlike after a small result enlarged."""
    image, mask = composite(1024, 1024)
    texture = torch.rand(1, 1, 1024, 1024, generator=torch.Generator().manual_seed(1)) * 0.1
    image = image * 0.4 + 0.3 + texture
    result = harmonize(model, image, mask)
    core = (..., slice(400, 600), slice(400, 600))

    def sharpness(picture: Tensor) -> float:
        grey = picture[core].mean(1)
        return float((grey[..., 1:] - grey[..., :-1]).abs().mean())

    assert sharpness(result) > 0.5 * sharpness(image)


def test_attention_map_is_normalised_and_outside_the_foreground(model: HarmonizerNet) -> None:
    image, mask = composite(90, 120, batch=2)
    mask[1] = 0
    for layer in ("ptl", "ltl", "ltl32"):
        heat = attention_map(model, image, mask, layer=layer)
        assert heat.shape == mask.shape
        assert heat[0].max() == 1 and heat[0].min() >= 0 and heat[1].max() == 0
        assert heat[0][mask[0] == 1].max() == 0
    query = torch.zeros_like(mask)
    query[:, :, 45:50, 60:65] = 1
    assert not torch.equal(attention_map(model, image, mask, query_mask=query)[0], attention_map(model, image, mask)[0])
    with pytest.raises(InputError, match="ltl64"):
        attention_map(model, image, mask, layer="ltl64")


def test_check_is_asked_before_every_strip_and_cancels(model: HarmonizerNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry, "CACHE_PIXELS", 64 * 16)  # sixteen rows a strip of this foreground
    image, mask = composite(64, 64)[0], torch.zeros(1, 1, 64, 64)
    mask[..., 4:12, :] = mask[..., 40:60, :] = 1
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1

    harmonize(model, image, mask, check=check)
    assert asked == 1 + 3  # the network; rows 4 to 20, 36 to 52 and 52 to 60: nothing lies in 20 to 36

    def cancel() -> None:
        raise KeyboardInterrupt("stop")

    with pytest.raises(KeyboardInterrupt, match="stop"):
        harmonize(model, image, mask, check=cancel)


def test_values_beyond_white_make_their_surroundings_no_whiter(model: HarmonizerNet) -> None:
    """What is found for a picture is what is found for its nearest inside [0, 1]."""
    random = torch.Generator().manual_seed(0)
    image, mask = torch.rand(1, 3, 200, 260, generator=random), torch.zeros(1, 1, 200, 260)
    mask[..., 60:120, 80:160] = 1
    bright = torch.where(torch.rand(1, 1, 200, 260, generator=random) < 0.01, 200.0, image)
    bright = torch.where(mask > 0, image, bright)
    made, wanted = (harmonize(model, picture, mask) for picture in (bright, bright.clamp(0, 1)))
    inside = mask.expand_as(made) > 0
    assert torch.equal(made[inside], wanted[inside]) and not torch.equal(made[inside], image[inside])


def test_an_object_that_may_look_at_nothing_stays_as_it_is(model: HarmonizerNet) -> None:
    """Also where another object of the picture has something to look at."""
    image, mask = (
        torch.rand(1, 3, 1024, 1536, generator=torch.Generator().manual_seed(0)),
        torch.zeros(1, 1, 1024, 1536),
    )
    near, far = (..., slice(100, 300), slice(100, 300)), (..., slice(700, 900), slice(1200, 1400))
    mask[far] = 1
    alone = mask.clone()
    mask[near] = 1
    reference, changed = torch.zeros_like(mask), False
    for side in range(2, 40, 2):
        reference[..., 180 : 180 + side, 304 : 304 + side] = 1
        if not torch.equal(harmonize(model, image, alone, reference_mask=reference), image):
            break  # from here on the far one has something to look at too
        made = harmonize(model, image, mask, reference_mask=reference)
        assert torch.equal(made[far], image[far])
        changed = changed or not torch.equal(made[near], image[near])
    assert changed
