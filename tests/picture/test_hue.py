"""Grey in, grey out; and what is of one hue keeps it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from regharm_core import Harmonizer, harmonize
from regharm_core.picture.describe import LUMA
from regharm_core.picture.hue import Hue, detail_of, hue_of, line_of
from tests.network.mapnets import strong

SEPIA = (torch.tensor([0.06, 0.02, -0.03]), torch.tensor([1.04, 0.99, 0.97]))


@pytest.fixture(scope="module", params=["pixels", "maps"])
def model(request: pytest.FixtureRequest) -> Harmonizer:
    return strong(request.param)


def light(height: int = 90, width: int = 120, seed: int = 0) -> Tensor:
    """Lightness with large shapes and detail, 1 H W in 0.2..0.8."""
    random = torch.Generator().manual_seed(seed)
    small = torch.rand(1, 1, 7, 9, generator=random)
    large = torch.nn.functional.interpolate(small, (height, width), mode="bilinear")[0]
    return 0.2 + 0.5 * large + 0.1 * torch.rand(1, height, width, generator=random)


def coloured() -> Tensor:
    return torch.cat([light(seed=n) for n in (1, 2, 3)])[None]


def disc(height: int = 90, width: int = 120) -> Tensor:
    rows, columns = torch.arange(height)[:, None] - 40, torch.arange(width)[None] - 50
    return ((rows**2 + columns**2) < 20**2).float()[None, None]


def toned(lightness: Tensor) -> Tensor:
    """Sepia of this luma: 1 H W -> 1 3 H W."""
    start, slope = (part[:, None, None] for part in SEPIA)
    aside, gain = (
        sum(w * float(v) for w, v in zip(LUMA, SEPIA[0], strict=True)),
        sum(w * float(v) for w, v in zip(LUMA, SEPIA[1], strict=True)),
    )
    return (start + slope * (lightness - aside) / gain)[None]


def chroma(picture: Tensor, inside: Tensor) -> float:
    """The mean of how far the channels lie apart, of 255."""
    apart = picture.amax(1, keepdim=True) - picture.amin(1, keepdim=True)
    return 255 * float(apart[inside > 0].mean())


def test_grey_stays_grey(model: Harmonizer) -> None:
    image, mask = light().expand(3, -1, -1)[None], disc()
    made = harmonize(model, image, mask)
    assert chroma(made, mask) < 0.01
    assert 255 * float((made - image)[mask.expand_as(image) > 0].abs().mean()) > 1


def test_a_coloured_object_on_a_grey_photograph_becomes_grey(model: Harmonizer) -> None:
    image, mask = torch.where(disc() > 0, coloured(), light().expand(3, -1, -1)[None]), disc()
    assert chroma(image, mask) > 40
    assert chroma(harmonize(model, image, mask), mask) < 0.01


def test_a_coloured_object_before_a_smooth_wall_keeps_its_colours(model: Harmonizer) -> None:
    wall = torch.linspace(0.4, 0.9, 120).expand(1, 3, 90, 120)
    image, mask = torch.where(disc() > 0, coloured(), wall), disc()
    assert chroma(harmonize(model, image, mask), mask) > 15


def test_sepia_stays_sepia_and_takes_what_is_pasted_along(model: Harmonizer) -> None:
    for thing in (toned(light()) * 0.8 + 0.2 * toned(torch.full((1, 1, 1), 0.5)), coloured()):
        image = torch.where(disc() > 0, thing, toned(light()))
        made = harmonize(model, image, disc())[0]
        luma = torch.einsum("c,chw->hw", torch.tensor(LUMA), made)
        off = (made - toned(luma[None])[0])[:, disc()[0, 0] > 0]
        assert 255 * float(off.abs().max()) < 0.5


def test_colours_are_left_alone(model: Harmonizer, monkeypatch: pytest.MonkeyPatch) -> None:
    image, mask = coloured(), disc()
    made = harmonize(model, image, mask)
    monkeypatch.setattr("regharm_core.picture.changes.hue_of", lambda *_: None)
    assert torch.equal(harmonize(model, image, mask), made)


def test_frames_that_share_a_map_stay_grey(model: Harmonizer) -> None:
    images = torch.stack([light(seed=n).expand(3, -1, -1) for n in range(2)])
    masks = disc().expand(2, -1, -1, -1)
    assert chroma(harmonize(model, images, masks, shared=True), masks) < 0.01


def test_maps_onto_a_line_against_loops() -> None:
    """For each colour: what the map makes of it, its luma, and the line's colour of that luma."""
    random = torch.Generator().manual_seed(0)
    coefficients = torch.randn(1, 12, 2, 2, generator=random, dtype=torch.float64) * 0.2
    hue = Hue(*(part.double() for part in (torch.tensor([0.05, 0.0, -0.05]), torch.tensor([0.9, 1.0, 1.2]))))
    kept = hue.keep(coefficients)
    for row in range(2):
        for column in range(2):
            for _ in range(3):
                colour = torch.rand(3, generator=random, dtype=torch.float64)
                results = []
                for maps in (coefficients[0, :, row, column], kept[0, :, row, column]):
                    change = [sum(maps[3 * i + j] * colour[j] for j in range(3)) + maps[9 + i] for i in range(3)]
                    results.append([float(colour[i] + change[i]) for i in range(3)])
                luma = sum(w * value for w, value in zip(LUMA, results[0], strict=True))
                expected = [float(hue.start[i] + luma * hue.slope[i]) for i in range(3)]
                assert results[1] == pytest.approx(expected, abs=1e-6)


def test_the_line_of_a_picture() -> None:
    weight = torch.ones(1, 90, 120)
    found = line_of(toned(light())[0], weight)
    assert found is not None and found[1] < 1e-6
    torch.testing.assert_close(found[0].slope * 0.5 + found[0].start, toned(torch.full((1, 1, 1), 0.5))[0, :, 0, 0])
    grey = line_of(light().expand(3, -1, -1), weight)
    assert grey is not None and grey[0].start.tolist() == [0, 0, 0] and grey[0].slope.tolist() == [1, 1, 1]
    assert grey[2] == pytest.approx(float(light().std(unbiased=False)), rel=1e-4)
    coarse = line_of(coloured()[0], weight)
    assert coarse is not None and coarse[1] > 0.05
    assert line_of(light().expand(3, -1, -1), 0 * weight) is None
    assert line_of(torch.ones(3, 9, 9), weight[:, :9, :9]) is None


def test_detail_against_loops() -> None:
    picture, weight = torch.rand(3, 6, 5), torch.rand(1, 6, 5)
    total = mass = 0.0
    for y in range(5):
        for x in range(5):
            values = [sum(w * float(picture[c, y + d, x]) for c, w in enumerate(LUMA)) for d in (0, 1)]
            share = min(float(weight[0, y, x]), float(weight[0, y + 1, x]))
            total, mass = total + share * abs(values[1] - values[0]), mass + share
    assert detail_of(picture, weight) == pytest.approx(total / mass, rel=1e-4)


def test_without_the_whole_picture_a_coloured_object_stays_coloured() -> None:
    image, mask = torch.where(disc() > 0, coloured(), light().expand(3, -1, -1)[None])[0], disc()[0]
    assert hue_of(image, mask, 1 - mask) is None
    assert hue_of(image, mask, 1 - mask, lambda: (image, mask)) is not None


@pytest.mark.parametrize("frames", [{}, {"shared": True}, {"steady": True}])
@pytest.mark.parametrize("strength", [1.5, 2.0])
def test_more_than_all_of_a_change_is_still_grey(model: Harmonizer, frames: dict[str, bool], strength: float) -> None:
    """Twice the way from a colour to grey would be the opposite colour."""
    image, mask = torch.where(disc() > 0, coloured(), light().expand(3, -1, -1)[None]), disc()
    images, masks = image.expand(2, -1, -1, -1), mask.expand(2, -1, -1, -1)
    made = harmonize(model, images, masks, strength=strength, **frames)
    once = harmonize(model, images, masks, **frames)
    inside = masks.expand_as(images) > 0
    free = inside & (made > 0) & (made < 1) & (once > 0) & (once < 1)  # not cut off at black or white
    assert float(free[inside].float().mean()) > 0.5
    apart = made.amax(1, keepdim=True) - made.amin(1, keepdim=True)
    assert 255 * float(apart[free.all(1, keepdim=True)].max()) < 0.1
    before = torch.einsum("c,bchw->bhw", torch.tensor(LUMA), images)[:, None]
    whole = free.all(1, keepdim=True)
    torch.testing.assert_close(
        (made[:, :1] - before)[whole], strength * (once[:, :1] - before)[whole], rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("sliders", [{"tone": 0.0}, {"tone": 2.0}, {"contrast": 0.0}, {"tone": 0.5, "contrast": 2.0}])
@pytest.mark.parametrize("shared", [False, True])
def test_sepia_stays_sepia_with_less_or_more_tone(model: Harmonizer, sliders: dict[str, float], shared: bool) -> None:
    image = torch.where(disc() > 0, toned(light(seed=4)), toned(light()))
    made = harmonize(model, image, disc(), shared=shared, **sliders)[0]
    luma = torch.einsum("c,chw->hw", torch.tensor(LUMA), made)
    inside = (disc()[0, 0] > 0) & ((made > 0) & (made < 1)).all(0)  # not cut off at black or white
    assert int(inside.sum()) > 500
    off = (made - toned(luma[None])[0])[:, inside]
    assert 255 * float(off.abs().max()) < 0.5


@pytest.mark.parametrize("colour", [0.0, 0.5])
@pytest.mark.parametrize("shared", [False, True])
def test_less_colour_goes_no_further_from_grey_than_before(model: Harmonizer, colour: float, shared: bool) -> None:
    """The way to grey is not gone, so at a strength above 1 nothing of it may be taken back."""
    image, mask = torch.where(disc() > 0, coloured(), light().expand(3, -1, -1)[None]), disc()
    once = chroma(harmonize(model, image, mask, shared=shared, colour=colour), mask)
    made = chroma(harmonize(model, image, mask, shared=shared, colour=colour, strength=2.0), mask)
    assert made < once + 3
