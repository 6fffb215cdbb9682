"""A change kept and applied again, and as a table that other programs read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from regharm_core import InputError
from regharm_core.picture.box import Box, whole
from regharm_core.picture.carry import apply_maps
from regharm_core.picture.correction import (
    Correction,
    apply_correction,
    beyond,
    fit_overall,
)
from regharm_core.picture.cube import write_cube
from regharm_core.picture.light import decode
from regharm_core.picture.local_map import LocalMaps
from tests.picture.scenes import square_scene

SLOPE = torch.tensor([[-0.2, 0.05, 0.0], [0.02, -0.1, 0.03], [0.0, 0.1, 0.15]])
SHIFT = torch.tensor([0.05, -0.03, 0.02])
OVERALL = torch.cat([SLOPE.flatten(), SHIFT])


def changed(picture: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The known map, mixed in by the mask."""
    return picture + mask * (torch.einsum("oi,ihw->ohw", SLOPE, picture) + SHIFT[:, None, None])


def test_the_overall_map_is_found_again() -> None:
    before, mask = square_scene(60, 80)
    found, regional = fit_overall(before, changed(before, mask), mask)
    assert torch.allclose(found, OVERALL, atol=2e-3) and regional < 0.1
    large = torch.nn.functional.interpolate(before[None], scale_factor=20)[0]
    everywhere = torch.ones_like(large[:1])
    assert torch.allclose(fit_overall(large, changed(large, everywhere), everywhere)[0], OVERALL, atol=2e-3)


def test_the_fit_is_that_of_the_normal_equations() -> None:
    """An arbitrary change: numpy's least squares with the ridge as further rows."""
    before, mask = square_scene(30, 40)
    torch.manual_seed(8)
    after = before + mask * torch.randn_like(before) * 0.05
    x, w = before.flatten(1).numpy().astype(float).T, mask.flatten().numpy().astype(float)
    change = ((after - before) / mask.clamp_min(1e-3)).flatten(1).numpy().astype(float).T
    share = w**2 / (w**2).sum()
    middle, shift = share @ x, share @ change
    rows = np.concatenate([np.sqrt(share)[:, None] * (x - middle), np.sqrt(1e-4) * np.eye(3)])
    wanted = np.concatenate([np.sqrt(share)[:, None] * (change - shift), np.zeros((3, 3))])
    slope = np.linalg.lstsq(rows, wanted, rcond=None)[0].T
    overall, regional = fit_overall(before, after, mask)
    found = overall.numpy()
    assert np.allclose(found[:9].reshape(3, 3), slope, atol=1e-5)
    assert np.allclose(found[9:], shift - slope @ middle, atol=1e-5)
    left = (change - shift - (x - middle) @ slope.T) ** 2
    assert regional == pytest.approx(255 * np.sqrt(share @ left.mean(1)), rel=1e-4)


def test_what_was_cut_off_says_nothing() -> None:
    before, mask = square_scene(40, 40)
    before[:, 15:20] = 0.99
    after = (before + mask * 0.2).clamp(0, 1)
    assert torch.allclose(fit_overall(before, after, mask)[0][9:], torch.full((3,), 0.2), atol=1e-3)
    white = torch.full((3, 8, 8), 0.9)
    assert float(fit_overall(white, torch.ones(3, 8, 8), torch.ones(1, 8, 8))[0].sum()) == pytest.approx(0.3, abs=1e-3)
    assert not bool(fit_overall(before, after, torch.zeros_like(mask))[0].any())


def regional() -> tuple[torch.Tensor, torch.Tensor, Correction]:
    """A picture, its mask, and a correction that is darker to the left and lighter to the right."""
    picture, mask = square_scene(48, 64)
    coefficients = torch.zeros(1, 12, 8, 8)
    coefficients[:, 9:] = torch.linspace(-0.1, 0.1, 8)
    part = (8 / 48, 40 / 48, 16 / 64, 48 / 64)
    return picture, mask, Correction(OVERALL, LocalMaps(coefficients, (8, 8)), part)


def test_a_larger_version_gets_the_same_change() -> None:
    picture, mask, correction = regional()
    small = apply_correction(picture, mask, correction)
    large, wide = (torch.nn.functional.interpolate(p[None], scale_factor=4)[0] for p in (picture, mask))
    result = apply_correction(large, wide, correction)
    change = torch.nn.functional.avg_pool2d((result - large)[None], 4)[0]
    assert torch.allclose(change, small - picture, atol=2e-3)
    assert torch.equal(result[:, wide[0] == 0], large[:, wide[0] == 0])


def test_overall_goes_anywhere_and_regional_as_far_as_it_knows() -> None:
    picture, mask, correction = regional()
    everywhere = torch.ones_like(mask)
    assert torch.allclose(
        apply_correction(picture, everywhere, correction, regional=False), changed(picture, everywhere), atol=1e-6
    )
    placed = apply_correction(picture, everywhere, correction)
    assert torch.equal(placed[:, :8], picture[:, :8]) and not torch.equal(
        placed[:, 8:40, 16:48], picture[:, 8:40, 16:48]
    )
    assert beyond(correction, everywhere) == pytest.approx(2 / 3) and beyond(correction, mask) == 0
    assert beyond(correction, torch.zeros_like(mask)) == 0


def test_strength_and_scaling() -> None:
    picture, mask, correction = regional()
    whole_change = apply_correction(picture, mask, correction) - picture
    half = apply_correction(picture, mask, correction, strength=0.5) - picture
    assert torch.allclose(half, whole_change / 2, atol=1e-6)
    assert torch.allclose(apply_correction(picture, mask, correction.scaled(0.5)) - picture, half, atol=1e-6)
    assert torch.equal(apply_correction(picture, mask, correction, strength=0), picture)
    assert not correction.empty and correction.scaled(0).empty
    with pytest.raises(InputError, match="strength must be from 0 to 2, got 3"):
        apply_correction(picture, mask, correction, strength=3)
    with pytest.raises(InputError, match="only the overall change"):
        apply_correction(picture, mask, Correction(OVERALL))


def test_kept_from_before_and_after() -> None:
    before, mask = square_scene(40, 50)
    kept = Correction.of(before, changed(before, mask), mask, None, whole(mask))
    assert torch.allclose(apply_correction(before, mask, kept, regional=False), changed(before, mask), atol=2e-3)
    assert kept.part == (0, 1, 0, 1)


def test_the_regional_part_is_what_the_overall_map_lacks() -> None:
    before, mask = square_scene(40, 50)
    mask = mask.round()
    after = changed(before, mask)
    after[:, :, ::2] += 10 / 255 * mask[:, :, ::2]
    after[:, :, 1::2] -= 10 / 255 * mask[:, :, 1::2]
    kept = Correction.of(before, after, mask, None, whole(mask))
    assert kept.regional == pytest.approx(10, abs=0.3)
    assert kept.scaled(0.5).regional == pytest.approx(kept.regional / 2)


def test_a_cube_reader_gives_the_overall_change_within_one_of_255() -> None:
    """Pillow's own table, trilinear, on every colour of a coarse lattice and on what is cut off."""
    text = write_cube(OVERALL, title='a "fine"\nlook', comments=["of a test"])
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines[:4] == [
        "TITLE \"a 'fine' look\"",
        "LUT_3D_SIZE 33",
        "DOMAIN_MIN 0.0 0.0 0.0",
        "DOMAIN_MAX 1.0 1.0 1.0",
    ]
    table = [tuple(map(float, line.split())) for line in lines[4:]]
    assert len(table) == 33**3
    lattice = np.stack(np.meshgrid(*[np.arange(0, 256, 17, dtype=np.uint8)] * 3), axis=-1).reshape(64, 64, 3)
    read = Image.fromarray(lattice).filter(ImageFilter.Color3DLUT(33, table))
    picture = torch.from_numpy(lattice.astype(np.float32) / 255).movedim(-1, 0)
    ours = apply_correction(picture, torch.ones(1, 64, 64), Correction(OVERALL), regional=False)
    difference = np.abs(np.asarray(read).astype(float) - 255 * ours.movedim(0, -1).numpy())
    assert difference.max() <= 1


def test_cubes_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="12 finite numbers"):
        write_cube(torch.zeros(9), title="x")
    with pytest.raises(InputError, match="12 finite numbers"):
        write_cube(torch.full((12,), float("inf")), title="x")
    with pytest.raises(InputError, match="points must be from 2 to 256, got 1"):
        write_cube(OVERALL, title="x", points=1)
    assert len(write_cube(OVERALL, title="x", points=2).splitlines()) == 4 + 8


@pytest.mark.parametrize("case", ["hard", "soft", "highlights", "soft and highlights"])
def test_the_overall_map_of_linear_light_is_found_again(case: str) -> None:
    random = torch.Generator().manual_seed(0)
    image = decode(0.1 + 0.6 * torch.rand(3, 96, 96, generator=random))
    if "highlights" in case:
        image[:, torch.rand(96, 96, generator=random) < 0.2] = 4
    mask = torch.full((1, 96, 96), 0.5 if "soft" in case else 1.0)
    wanted = torch.tensor([-0.1, 0.02, 0, 0, 0.05, 0, 0.01, 0, -0.08, 0.02, -0.03, 0.01])
    result = image.clone()
    apply_maps(
        result, image, mask, LocalMaps(wanted[None, :, None, None]), Box(0, 96, 0, 96), 1.0, lambda: None, linear=True
    )
    found, regional = fit_overall(image, result, mask, linear=True)
    assert 255 * float((found - wanted).abs().max()) < 1 and regional < 0.5
