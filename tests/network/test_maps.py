"""Local colour maps against loops over locations and channels."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from regharm_core.network.maps import about_grey, apply_small_maps, evaluate_maps, followed, foreground_energy
from tests.network import slow, slow_maps
from tests.network.cases import CASES, assert_agree, features, mask_cases


def test_a_map_is_a_matrix_row_by_row_and_a_shift() -> None:
    maps, picture = features(2, 12, 5, 6), features(2, 3, 5, 6)
    expected = [slow_maps.apply_maps(one, colours) for one, colours in zip(maps, picture, strict=True)]
    assert_agree(evaluate_maps(maps, picture), torch.stack(expected), [maps, picture])


def test_one_map_for_a_whole_picture() -> None:
    maps, picture = features(2, 12, 1, 1), features(2, 3, 5, 6)
    wide = [slow_maps.apply_maps(one.expand(12, 5, 6), colours) for one, colours in zip(maps, picture, strict=True)]
    assert_agree(evaluate_maps(maps, picture), torch.stack(wide), [maps, picture])


def test_the_coefficients_are_left_as_they_are() -> None:
    maps, picture = features(1, 12, 5, 6).detach(), features(1, 3, 5, 6).detach()
    before = maps.clone()
    evaluate_maps(maps, picture)
    about_grey(maps)
    assert torch.equal(maps, before)


def test_maps_about_grey_see_colours_less_one_half() -> None:
    maps, picture = features(2, 12, 5, 6), features(2, 3, 5, 6)
    expected = [slow_maps.apply_maps(one, colours - 0.5) for one, colours in zip(maps, picture, strict=True)]
    assert_agree(evaluate_maps(about_grey(maps), picture), torch.stack(expected), [maps, picture])
    middle = torch.full_like(picture, 0.5)
    torch.testing.assert_close(evaluate_maps(about_grey(maps), middle), maps[:, 9:])


@pytest.mark.parametrize("grid", [(1, 1), (2, 3), (5, 6), (7, 4)], ids=str)
def test_maps_of_a_coarser_grid(grid: tuple[int, int]) -> None:
    maps, picture = features(2, 12, *grid), features(2, 3, 5, 6)
    resized = [slow.resize(one, 5, 6) for one in maps]
    expected = [slow_maps.apply_maps(one, colours) for one, colours in zip(resized, picture, strict=True)]
    assert_agree(apply_small_maps(maps, picture), torch.stack(expected), [maps, picture])


@pytest.mark.parametrize("first", [(1, 1), (5, 6)], ids=str)
@pytest.mark.parametrize("second", [(1, 1), (5, 6)], ids=str)
def test_one_map_after_another(first: tuple[int, int], second: tuple[int, int]) -> None:
    one, two, picture = features(2, 12, *first), features(2, 12, *second) + 0.3, features(2, 3, 5, 6)
    expected = []
    for n in range(2):
        changed = picture[n] + slow_maps.apply_maps(one[n].expand(12, 5, 6), picture[n])
        expected.append(changed + slow_maps.apply_maps(two[n].expand(12, 5, 6), changed) - picture[n])
    assert_agree(evaluate_maps(followed(one, two), picture), torch.stack(expected), [one, picture])


@pytest.mark.parametrize("case", CASES)
def test_energy_over_the_foreground(case: str) -> None:
    mask, _ = mask_cases(5, 6)[case]
    residual = features(len(mask), 3, 5, 6)
    scaled = residual / 100
    expected = [slow_maps.energy(one, weight[0]) for one, weight in zip(scaled, mask, strict=True)]
    assert_agree(foreground_energy(scaled, mask), torch.stack(expected), [residual])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_energy_of_a_large_picture_in_half_precision(dtype: torch.dtype) -> None:
    """A foreground of 90,000 px is more than fp16 counts to, and 255 squared too."""
    residual, mask = torch.full((1, 3, 300, 300), 0.5), torch.ones(1, 1, 300, 300)
    found = foreground_energy(residual.to(dtype), mask.to(dtype))
    assert found.dtype == torch.float32 and float(found) == pytest.approx(127.5**2, rel=1e-5)


def test_a_network_draws_no_sharper_than_its_grid() -> None:
    """Between two places of the grid a change is the mean of theirs: nothing rings beyond the maps that are there."""
    maps = torch.zeros(1, 12, 1, 2)
    maps[:, 9:, :, 1] = 1
    change = apply_small_maps(maps, torch.zeros(1, 3, 1, 8))[0, 0, 0]
    assert torch.equal(change, F.interpolate(torch.tensor([[[0.0, 1.0]]]), 8, mode="linear")[0, 0])
    assert float(change.min()) == 0 and float(change.max()) == 1
