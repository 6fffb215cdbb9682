"""Local affine colour maps against a weighted ridge regression written out window by window."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core.network.maps import evaluate_maps
from regharm_core.picture.local_map import enlarge, fit_local_maps, shared_map, shared_sums


def at_pixels(maps: Tensor, guide: Tensor) -> Tensor:
    """The change that maps of half the resolution make of a guide."""
    return evaluate_maps(F.interpolate(maps, guide.shape[-2:], mode="bilinear", align_corners=False), guide)


def ridge(guide: np.ndarray, residual: np.ndarray, weight: np.ndarray, epsilon: float) -> np.ndarray:
    """A (9) and b (3) that minimise the weighted mean of |A g + b - r|^2 plus epsilon |A|^2; N 3, N 3, N."""
    share = weight / weight.sum()
    mean_guide, mean_residual = share @ guide, share @ residual
    covariance, cross = np.zeros((3, 3)), np.zeros((3, 3))
    for g, r, s in zip(guide - mean_guide, residual - mean_residual, share, strict=True):
        covariance += s * np.outer(g, g)
        cross += s * np.outer(r, g)
    slope = cross @ np.linalg.inv(covariance + epsilon * np.eye(3))
    return np.concatenate([slope.ravel(), mean_residual - slope @ mean_guide])


@pytest.mark.parametrize("radius", [3, 6])
def test_maps_equal_a_regression_in_every_window(radius: int) -> None:
    """Fitted in float64, pixel by pixel, for every cell; then the weighted mean of the cells' maps."""
    random = torch.Generator().manual_seed(radius)
    height, width, reach = 12, 16, radius // 2
    guide, residual = torch.rand(2, 1, 3, height, width, generator=random).unbind(0)
    weight = torch.rand(1, 1, height, width, generator=random)
    weight[..., :4, 10:] = 0
    pixels = [part[0].double().permute(1, 2, 0).numpy() for part in (guide, residual, weight)]

    side = 2 * reach + 1

    def near(y: int, x: int) -> np.ndarray:
        """How much each cell counts at a cell: those in the window alike, and all of them a very little."""
        counts = np.full((height // 2, width // 2), 1e-4 / (height // 2 * (width // 2)))
        counts[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] += 1 / side**2
        return counts

    share = pixels[2][..., 0].reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    fitted, expected = np.zeros((2, height // 2, width // 2, 12))
    for y in range(height // 2):
        for x in range(width // 2):
            counted = pixels[2][..., 0] * near(y, x).repeat(2, 0).repeat(2, 1)
            fitted[y, x] = ridge(pixels[0].reshape(-1, 3), pixels[1].reshape(-1, 3), counted.ravel(), 2e-3)
    for y in range(height // 2):
        for x in range(width // 2):
            counted = (share * near(y, x))[..., None]
            expected[y, x] = (fitted * counted).sum((0, 1)) / counted.sum()
    found = fit_local_maps(guide, residual, weight, radius=radius)[0].permute(1, 2, 0).double().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(expected).max() > 0.5


def test_local_maps_find_an_affine_change() -> None:
    random = torch.Generator().manual_seed(0)
    guide = torch.rand(1, 3, 64, 64, generator=random)
    matrix, shift = torch.randn(3, 3, generator=random) * 0.3, torch.randn(3, generator=random) * 0.1
    residual = torch.einsum("ij,bjhw->bihw", matrix, guide) + shift[None, :, None, None]
    weight = torch.zeros(1, 1, 64, 64)
    weight[..., 16:48, 16:48] = 1
    maps = fit_local_maps(guide, residual, weight, epsilon=1e-7)
    assert torch.allclose(at_pixels(maps, guide)[..., 16:48, 16:48], residual[..., 16:48, 16:48], atol=1e-3)
    shared = shared_map(shared_sums(guide, residual, weight).double().sum(0), epsilon=1e-7)[0]
    assert torch.allclose(shared[0, :9, 0, 0].view(3, 3), matrix, atol=1e-3)
    assert torch.allclose(shared[0, 9:, 0, 0], shift, atol=1e-3)


def test_local_maps_do_not_read_outside_the_mask() -> None:
    guide, residual = torch.rand(2, 1, 3, 64, 64).unbind(0)
    weight = torch.zeros(1, 1, 64, 64)
    weight[..., 20:40, 20:40] = 1
    spoiled = torch.where(weight > 0, residual, torch.tensor(99.0))
    inside = (..., slice(20, 40), slice(20, 40))
    clean = at_pixels(fit_local_maps(guide, residual, weight), guide)[inside]
    assert torch.allclose(at_pixels(fit_local_maps(guide, spoiled, weight), guide)[inside], clean, atol=1e-5)


@pytest.mark.parametrize("size", [(100, 70), (20, 200), (256, 256)])
def test_enlarging_parts_equals_enlarging_the_whole(size: tuple[int, int]) -> None:
    grid = torch.rand(2, 3, 40, 56)
    whole = F.interpolate(grid, size, mode="bilinear", align_corners=False)
    wide = enlarge(grid, 3, 0, size[1], size[1], 56)
    rows = [enlarge(wide, 2, a, min(a + 13, size[0]), size[0], 40) for a in range(0, size[0], 13)]
    assert torch.allclose(torch.cat(rows, dim=2), whole, atol=1e-5)


def test_a_part_of_the_grid_is_enough_for_the_pixels_over_it() -> None:
    grid = torch.rand(1, 2, 40, 56)
    whole = F.interpolate(grid, (100, 140), mode="bilinear", align_corners=False)
    wide = enlarge(grid[..., 10:31, 20:41], 3, 60, 90, 140, 56, 20)
    part = enlarge(wide, 2, 30, 60, 100, 40, 10)
    assert torch.allclose(part, whole[..., 30:60, 60:90], atol=1e-5)
