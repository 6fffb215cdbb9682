"""Masks as they really come: with specks, never white, noisy, of several objects. For both layouts of network."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core import Harmonizer, InputError, attention_map, harmonize
from regharm_core.picture.box import Box
from regharm_core.picture.carry import apply_maps, combined
from regharm_core.picture.correction import Correction, apply_correction
from regharm_core.picture.local_map import LocalMaps
from tests.network import slow_maps
from tests.network.mapnets import strong


@pytest.fixture(scope="module", params=["pixels", "maps"])
def model(request: pytest.FixtureRequest) -> Harmonizer:
    return strong(request.param)


def picture(height: int = 120, width: int = 200) -> Tensor:
    small = torch.rand(1, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    return F.interpolate(small, (height, width), mode="bicubic").clamp(0, 1) * 0.4 + 0.3


def block(top: int, left: int, side: int = 30, height: int = 120, width: int = 200) -> Tensor:
    mask = torch.zeros(1, 1, height, width)
    mask[..., top : top + side, left : left + side] = 1
    return mask


def same_bits(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.int32), b.contiguous().view(torch.int32))


@pytest.mark.parametrize("value", [1 / 255, 0.3, 1.0])
def test_a_far_speck_changes_nothing_but_itself(model: Harmonizer, value: float) -> None:
    image, mask = picture(), block(40, 20)
    clean = harmonize(model, image, mask)
    mask[..., 119, 199] = value
    made = harmonize(model, image, mask)
    assert float((clean - image).abs().max()) > 0.01
    assert same_bits(made[..., :-1, :-1], clean[..., :-1, :-1])
    rest = mask == 0
    assert same_bits(made[rest.expand_as(made)], image[rest.expand_as(made)])
    looked = [attention_map(model, image, part)[..., :-1, :-1] for part in (mask, block(40, 20))]
    assert same_bits(*looked)


@pytest.mark.parametrize("factor", [0.99, 0.95, 0.9, 0.4])
def test_a_mask_that_is_never_white_shows_the_same_and_blends_less(model: Harmonizer, factor: float) -> None:
    image, mask = picture(), block(40, 20)
    clean, made = (harmonize(model, image, part) for part in (mask, factor * mask))
    torch.testing.assert_close(made - image, factor * (clean - image), rtol=0, atol=1e-6)


def test_noise_hardly_changes_the_answer(model: Harmonizer) -> None:
    image, mask = picture(), block(40, 20)
    noise = torch.randn(mask.shape, generator=torch.Generator().manual_seed(1)).abs() * 0.03
    matte = torch.where(mask > 0, 1 - noise, noise)
    clean, made = (harmonize(model, image, part) for part in (mask, matte))
    off = ((made - image) - matte * (clean - image))[mask.expand_as(image) > 0]
    assert float(off.abs().mean()) < 0.05 * float((clean - image).abs().max())


def test_two_objects_are_two_questions(model: Harmonizer) -> None:
    """Each as if it were alone, with the other taken out of what may be consulted."""
    image, first, second = picture(), block(10, 10), block(70, 150, 35)
    made = harmonize(model, image, first + second, context=None)
    for own, other in ((first, second), (second, first)):
        alone = harmonize(model, image, own, reference_mask=1 - other, context=None)
        inside = own.expand_as(image) > 0
        torch.testing.assert_close(made[inside], alone[inside], rtol=0, atol=2e-5)
    together, made = (harmonize(model, image, first + second, objects=way) for way in ("together", "one by one"))
    assert float((together - made).abs().max()) > 1e-3
    rest = (first + second == 0).expand_as(image)
    assert same_bits(made[rest], image[rest])


def test_each_object_is_shown_by_its_own_surroundings(model: Harmonizer) -> None:
    """In boxes of their own the maps of one lie coarser in the grid of both, but they are its own maps."""
    image, first, second = picture(), block(10, 10), block(70, 150, 35)
    made = harmonize(model, image, first + second)
    for own in (first, second):
        alone = harmonize(model, image, own)
        inside = own.expand_as(image) > 0
        assert float((made - alone)[inside].abs().mean()) < 0.1 * float((alone - image)[inside].abs().mean())


def test_a_crumb_goes_with_the_nearest_object(model: Harmonizer) -> None:
    image, both, crumb = picture(), block(10, 10) + block(70, 150, 35), block(62, 150, 3)
    with_crumb, without = harmonize(model, image, both + crumb), harmonize(model, image, both)
    assert float((with_crumb - image)[crumb.expand_as(image) > 0].abs().max()) > 1e-3
    first = block(10, 10).expand_as(image) > 0
    torch.testing.assert_close(with_crumb[first], without[first], rtol=0, atol=1e-5)


def test_objects_without_background_of_their_own_are_harmonized_together(model: Harmonizer) -> None:
    image, mask = picture(), torch.ones(1, 1, 120, 200)
    mask[..., 60:72] = 0
    mask[..., :20, 60:66] = 0
    assert same_bits(harmonize(model, image, mask), harmonize(model, image, mask, objects="together"))


def test_all_objects_of_a_batch_share_passes(model: Harmonizer) -> None:
    images = picture().expand(2, -1, -1, -1)
    masks = torch.cat([block(10, 10) + block(70, 150, 35) + block(80, 20), block(40, 20)])
    shown: list[int] = []
    told: list[tuple[int, int]] = []
    hook = model.register_forward_pre_hook(lambda _, given: shown.append(len(given[0])))
    try:
        made = harmonize(model, images, masks, batch_size=8, progress=lambda *at: told.append(at))
    finally:
        hook.remove()
    assert shown == [8] and told[-1] == (4, 4) and told == sorted(told)
    for n in range(2):
        alone = harmonize(model, images[n : n + 1], masks[n : n + 1])
        torch.testing.assert_close(made[n : n + 1], alone, rtol=0, atol=1e-5)


def test_a_correction_of_several_objects_is_the_change_of_each(model: Harmonizer) -> None:
    image, mask, kept = picture(), block(10, 10) + block(70, 150, 35), list[Correction]()
    made = harmonize(model, image, mask, kept=kept)
    torch.testing.assert_close(apply_correction(image[0], mask[0], kept[0]), made[0], rtol=0, atol=1e-5)


def test_shared_frames_take_their_objects_together(model: Harmonizer) -> None:
    images, masks = picture().repeat(2, 1, 1, 1), (block(10, 10) + block(70, 150, 35)).repeat(2, 1, 1, 1)
    assert torch.equal(
        harmonize(model, images, masks, shared=True), harmonize(model, images, masks, shared=True, objects="together")
    )


def test_other_words_are_refused(model: Harmonizer) -> None:
    with pytest.raises(InputError, match="objects must be 'one by one' or 'together', got 'all'"):
        harmonize(model, picture(), block(10, 10), objects="all")


def test_combined_maps_against_loops() -> None:
    """At every place of the common grid: the owner's maps, at the nearest point of its own box."""
    random = torch.Generator().manual_seed(3)
    boxes = [Box(10, 50, 0, 40), Box(30, 110, 60, 160)]
    parts = [LocalMaps(torch.randn(1, 12, 8, 8, generator=random), (8, 8)) for _ in boxes]
    places = torch.zeros(6, 10, dtype=torch.long)
    places[:, 3:] = 1
    maps, around = combined(parts, boxes, places, (120, 200))
    assert around == Box(10, 110, 0, 160) and maps.grid == (20, 32)
    for row in range(20):
        for column in range(32):
            y, x = 10 + (row + 0.5) * 5, (column + 0.5) * 5
            owner = int(places[int(y / 20), int(x / 20)])
            box = boxes[owner]
            down = min(max((y - box.top) * 8 / box.size[0] - 0.5, 0), 7)
            across = min(max((x - box.left) * 8 / box.size[1] - 0.5, 0), 7)
            i, j = int(down), int(across)
            values = parts[owner].coefficients[0]
            expected = sum(
                values[:, min(i + a, 7), min(j + b, 7)] * (1 - abs(down - i - a)) * (1 - abs(across - j - b))
                for a in (0, 1)
                for b in (0, 1)
            )
            torch.testing.assert_close(maps.coefficients[0, :, row, column], expected, rtol=0, atol=1e-5)


def test_beyond_the_maps_the_nearest_place_counts() -> None:
    image, box = torch.rand(3, 40, 60, generator=torch.Generator().manual_seed(4)) * 0.4 + 0.3, Box(10, 26, 20, 36)
    coefficients = torch.randn(1, 12, 4, 4, generator=torch.Generator().manual_seed(5)) * 0.1
    result = image.clone()
    apply_maps(result, image, torch.ones(1, 40, 60), LocalMaps(coefficients, (4, 4)), box, 1.0, lambda: None)
    large = F.interpolate(coefficients, (16, 16), mode="bilinear", align_corners=False)[0]
    rows, columns = (torch.arange(n).clamp(a, b) - a for n, a, b in ((40, 10, 25), (60, 20, 35)))
    change = slow_maps.apply_maps(large[:, rows][:, :, columns], image)
    torch.testing.assert_close(result, (image + change).clamp(0, 1), rtol=0, atol=1e-5)
