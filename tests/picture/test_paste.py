"""A cut-out laid on a background: against plain loops, and what must never be seen."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from regharm_core import InputError
from regharm_core.picture.paste import ANCHORS, Placement, defringe, paste
from regharm_core.picture.spread import continue_colours


def parts(height: int = 20, width: int = 14) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A background of 40 x 50, a cut-out and its alpha with soft and with transparent pixels."""
    torch.manual_seed(3)
    alpha = torch.rand(1, 1, height, width)
    alpha[..., :3, :] = 0
    alpha[..., 6:12, 4:9] = 1
    return torch.rand(1, 3, 40, 50), torch.rand(1, 3, height, width), alpha


def cubic(t: float) -> float:
    """Keys' kernel with a = -0.75, as torch's grid_sample has it."""
    a, t = -0.75, abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def slow_paste(
    background: torch.Tensor, cutout: torch.Tensor, alpha: torch.Tensor, placement: Placement
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixel by pixel: where it comes from, sixteen neighbours with premultiplied colours, laid over."""
    height, width = cutout.shape[2:]
    across, down = ANCHORS[placement.anchor]
    angle = math.radians(placement.rotation)
    result, mask = background.double().clone(), torch.zeros(1, 1, *background.shape[2:], dtype=torch.float64)
    for row in range(background.shape[2]):
        for column in range(background.shape[3]):
            dx, dy = column + 0.5 - placement.x, row + 0.5 - placement.y
            x = dx * math.cos(angle) + dy * math.sin(angle) + across * width - 0.5
            y = dy * math.cos(angle) - dx * math.sin(angle) + down * height - 0.5
            sums = [0.0] * 4
            for j in range(math.floor(y) - 1, math.floor(y) + 3):
                for i in range(math.floor(x) - 1, math.floor(x) + 3):
                    if not (0 <= j < height and 0 <= i < width):
                        continue
                    source = width - 1 - i if placement.flip else i
                    weight = cubic(x - i) * cubic(y - j)
                    cover = float(alpha[0, 0, j, source])
                    for c in range(3):
                        sums[c] += weight * cover * float(cutout[0, c, j, source])
                    sums[3] += weight * cover
            cover = min(max(sums[3], 0.0), 1.0)
            mask[0, 0, row, column] = cover
            if cover > 0:
                for c in range(3):
                    value = sums[c] / max(sums[3], 1.0) + (1 - cover) * float(background[0, c, row, column])
                    result[0, c, row, column] = min(max(value, 0.0), 1.0)
    return result, mask


@pytest.mark.parametrize(
    "placement",
    [
        Placement(x=22.25, y=17.5, rotation=33.0, anchor="centre"),
        Placement(x=3.0, y=30.0, rotation=-110.5, anchor="bottom left"),
        Placement(x=48.0, y=5.0, rotation=10.0, anchor="top right", flip=True),
    ],
)
def test_turned_cutouts_are_those_of_plain_loops(placement: Placement) -> None:
    background, cutout, alpha = parts()
    result, mask = paste(background, cutout, alpha, placement)
    wanted, cover = slow_paste(background, cutout, alpha, placement)
    assert torch.allclose(mask.double(), cover, atol=2e-5)
    assert torch.allclose(result.double(), wanted, atol=2e-5)


@pytest.mark.parametrize("anchor", list(ANCHORS))
def test_at_scale_one_pixels_are_taken_as_they_are(anchor: str) -> None:
    background, cutout, alpha = parts()
    alpha = (alpha > 0.5).float()
    across, down = ANCHORS[anchor]
    result, mask = paste(background, cutout, alpha, Placement(x=12 + 14 * across, y=7 + 20 * down, anchor=anchor))
    wanted = background.clone()
    wanted[..., 7:27, 12:26] = torch.where(alpha > 0, cutout, wanted[..., 7:27, 12:26])
    assert torch.equal(result, wanted)
    assert torch.equal(mask[..., 7:27, 12:26], alpha) and float(mask.sum()) == float(alpha.sum())


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_right_angles_are_exact(turns: int) -> None:
    background, cutout, alpha = parts()
    placement = Placement(x=25, y=20, rotation=90.0 * turns - 360, anchor="centre", flip=turns == 3)
    result, mask = paste(background, cutout, alpha, placement)
    turned = [torch.rot90(p.flip(-1) if turns == 3 else p, -turns, (2, 3)) for p in (cutout, alpha)]
    height, width = turned[1].shape[2:]
    rows, columns = slice(20 - height // 2, 20 + height // 2), slice(25 - width // 2, 25 + width // 2)
    assert torch.equal(mask[..., rows, columns], turned[1])
    wanted = turned[1] * turned[0] + (1 - turned[1]) * background[..., rows, columns]
    assert torch.allclose(result[..., rows, columns], wanted, atol=1e-6)


@pytest.mark.parametrize("scale", [0.35, 0.5, 2.0])
@pytest.mark.parametrize("rotation", [0.0, 27.0])
def test_hidden_colours_never_come_to_light(scale: float, rotation: float) -> None:
    """Poison under the transparent pixels: a red disc with green all around it, on blue."""
    y, x = torch.arange(40)[:, None] - 19.5, torch.arange(40)[None] - 19.5
    alpha = (14.5 - (x**2 + y**2).sqrt()).clamp(0, 1)[None, None]
    cutout = torch.zeros(1, 3, 40, 40)
    cutout[:, 1] = 1
    cutout[:, :, alpha[0, 0] > 0] = torch.tensor([1.0, 0, 0])[:, None]
    background = torch.zeros(1, 3, 90, 90)
    background[:, 2] = 1
    placement = Placement(x=45, y=45, scale=scale, rotation=rotation, anchor="centre")
    result, mask = paste(background, cutout, alpha, placement)
    assert float(result[:, 1].amax()) < 1e-5
    assert torch.allclose(result[:, 0], mask[:, 0], atol=2e-2) and float(mask.amax()) > 0.99
    assert float(mask.sum()) == pytest.approx(float(alpha.sum()) * scale**2, rel=0.02)


def test_beyond_the_border_and_next_to_it() -> None:
    background, cutout, alpha = parts()
    for placement in (Placement(x=-14, y=0), Placement(x=0, y=40), Placement(x=500, y=9, rotation=20)):
        result, mask = paste(background, cutout, alpha, placement)
        assert torch.equal(result, background) and float(mask.amax()) == 0
    result, mask = paste(background, cutout, alpha, Placement(x=-10, y=35))
    assert torch.equal(mask[..., 35:, :4], alpha[..., :5, 10:]) and float(mask[..., 4:].amax()) == 0
    assert torch.equal(result[..., :35, :], background[..., :35, :])


def test_a_background_with_alpha_of_its_own() -> None:
    background, cutout, alpha = parts()
    cover = torch.rand(1, 1, 40, 50)
    cover[..., :20, :] = 0
    result, mask = paste(torch.cat([background, cover], dim=1), cutout, alpha, Placement(x=9, y=8))
    both = mask + (1 - mask) * cover
    assert torch.allclose(result[:, 3:], both, atol=1e-6)
    front = torch.zeros_like(background)
    front[..., 8:28, 9:23] = cutout
    wanted = (mask * front + (1 - mask) * cover * background) / both.clamp_min(1e-6)
    touched = mask.expand(-1, 3, -1, -1) > 0
    assert torch.allclose(result[:, :3][touched], wanted[touched], atol=1e-5)
    assert torch.equal(result[:, :3][~touched], background[~touched])


def test_batches_dtypes_and_values_beyond_one() -> None:
    background, cutout, alpha = (part.repeat(2, 1, 1, 1) for part in parts())
    background[1] *= 3
    result, mask = paste(background.half(), cutout.half(), alpha, Placement(x=5, y=5))
    assert result.dtype == torch.float16 and mask.dtype == torch.float32 and mask.shape == (2, 1, 40, 50)
    assert torch.equal(result[mask.expand(-1, 3, -1, -1) == 0], background.half()[mask.expand(-1, 3, -1, -1) == 0])
    bright, _ = paste(background, cutout * 5, torch.ones_like(alpha), Placement())
    assert float(bright.amax()) == float((cutout * 5).amax())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"anchor": "middle"}, "anchor must be one of top left"),
        ({"scale": 0.0}, "scale above 0"),
        ({"rotation": float("nan")}, "must be finite"),
        ({"scale": 2000.0}, "28000 x 40000 px"),
    ],
)
def test_placements_that_cannot_be_are_refused(change: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        paste(*parts(), Placement(**change))  # type: ignore[arg-type]


def test_shapes_that_do_not_fit_are_quoted() -> None:
    background, cutout, alpha = parts()
    with pytest.raises(InputError, match="14 x 20 px and 13 x 20 px"):
        paste(background, cutout, alpha[..., :13], Placement())
    with pytest.raises(InputError, match="got 1, 2 and 1"):
        paste(background, cutout.repeat(2, 1, 1, 1), alpha, Placement())
    with pytest.raises(InputError, match="alpha must be B 1 H W"):
        paste(background, cutout, alpha[:, 0], Placement())


def test_defringe_takes_the_old_background_out() -> None:
    """A grey disc photographed before green: its soft rim is half green."""
    y, x = torch.arange(64)[:, None] - 31.5, torch.arange(64)[None] - 31.5
    alpha = ((24 - (x**2 + y**2).sqrt()) / 4).clamp(0, 1)[None, None]
    seen = alpha * 0.5 + (1 - alpha) * torch.tensor([0.0, 1.0, 0.0])[None, :, None, None]
    clean = defringe(seen, alpha, 2)
    assert torch.allclose(clean[:, :, alpha[0, 0] > 0], torch.tensor(0.5), atol=1e-4)
    assert torch.equal(clean[:, :, alpha[0, 0] == 0], seen[:, :, alpha[0, 0] == 0])
    assert torch.equal(defringe(seen, alpha, 0), seen)
    with pytest.raises(InputError, match="from 0 to 64 px, got 65"):
        defringe(seen, alpha, 65)


def test_defringe_of_a_thin_object_leaves_something_to_trust() -> None:
    alpha = torch.zeros(1, 1, 32, 32)
    alpha[..., 14:17, :] = 1
    colours = torch.rand(1, 3, 32, 32)
    clean = defringe(colours, alpha, 10)
    assert torch.equal(clean[..., 15, :], colours[..., 15, :]) and not torch.equal(clean, colours)


def test_colours_are_continued_from_the_nearest() -> None:
    colours, known = torch.zeros(1, 3, 33, 50), torch.zeros(1, 1, 33, 50)
    colours[..., :10], known[..., :10] = 0.25, 1
    colours[..., 45:], known[..., 45:] = 0.75, 1
    filled = continue_colours(colours, known)
    assert torch.equal(filled[..., :10], colours[..., :10])
    assert (
        float((filled[..., 10:13] - 0.25).abs().amax()) < 0.1 and float((filled[..., 42:45] - 0.75).abs().amax()) < 0.1
    )
    assert 0.25 <= float(filled.amin()) and float(filled.amax()) <= 0.75
    assert float(continue_colours(colours, torch.zeros_like(known)).abs().amax()) == 0


def test_pull_and_push_keep_a_flat_colour() -> None:
    torch.manual_seed(0)
    known = (torch.rand(1, 1, 37, 23) > 0.9).float()
    assert torch.allclose(continue_colours(torch.full((1, 3, 37, 23), 0.3), known), torch.tensor(0.3), atol=1e-5)
    assert (
        F.mse_loss(continue_colours(torch.full((1, 3, 4, 4), 0.3), known[..., :4, :4] * 0), torch.zeros(1, 3, 4, 4))
        == 0
    )


@pytest.mark.parametrize(("scale", "rotation"), [(2.0, 0.0), (0.3, 0.0), (1.0, 30.0), (3.0, 10.0)])
def test_grey_on_the_same_grey_is_not_seen(scale: float, rotation: float) -> None:
    """Cubic interpolation goes beyond alpha 1 along an edge, and colours go with it."""
    background, cutout, alpha = torch.full((1, 3, 200, 200), 0.5), torch.full((1, 3, 40, 40), 0.5), disc_of(40)
    made, mask = paste(background, cutout, alpha, Placement(60, 60, scale, rotation))
    assert float(mask.amax()) == 1
    assert 255 * float((made - 0.5).abs().max()) < 0.1


@pytest.mark.parametrize("anchor", ANCHORS)
@pytest.mark.parametrize("rotation", [0.0, 90.0, 180.0, 270.0])
def test_each_pixel_further_is_one_pixel_further(anchor: str, rotation: float) -> None:
    corners = []
    for x in range(15, 25):
        parts = torch.zeros(1, 3, 40, 40), torch.ones(1, 3, 7, 5), torch.ones(1, 1, 7, 5)
        _, mask = paste(*parts, Placement(x, x, 1.0, rotation, anchor))
        rows, columns = mask[0, 0].nonzero().unbind(1)
        corners.append((int(rows.min()), int(columns.min())))
    assert all(b == (a[0] + 1, a[1] + 1) for a, b in zip(corners, corners[1:], strict=False))


@pytest.mark.parametrize("opacity", [0.97, 0.5])
def test_defringe_of_what_is_opaque_nowhere(opacity: float) -> None:
    """Glass, or a cut-out that was made fainter: inside as it was, the rim as inside, nothing black."""
    cutout = torch.full((1, 3, 64, 64), 0.6)
    cutout[..., 20:44, 20:44] = 0.4
    alpha = torch.zeros(1, 1, 64, 64)
    alpha[..., 18:46, 18:46] = opacity
    made = defringe(cutout, alpha, 3)
    assert 255 * float((made[..., 18:46, 18:46] - 0.4).abs().max()) < 0.1


@pytest.mark.parametrize("number", range(3))
def test_values_that_are_not_finite_are_refused_by_name(number: int) -> None:
    given = list(parts())
    given[number] = given[number].clone()
    given[number][0, 0, 5, 5] = float("nan")
    name = ("background", "cutout", "alpha")[number]
    with pytest.raises(InputError, match=f"{name} holds values that are not finite"):
        paste(given[0], given[1], given[2], Placement())


def disc_of(side: int) -> torch.Tensor:
    """A hard disc, 1 1 side side."""
    place = torch.arange(side) - (side - 1) / 2
    return ((place[:, None] ** 2 + place**2).sqrt() < side / 2 - 4).float()[None, None]
