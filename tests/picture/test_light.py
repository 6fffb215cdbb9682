"""Linear light: the network sees what a display shows, and the change is carried back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from regharm_core import Harmonizer, InputError, attention_map, harmonize
from regharm_core.media import primaries
from regharm_core.picture.box import whole
from regharm_core.picture.carry import apply_maps
from regharm_core.picture.correction import Correction, apply_correction
from regharm_core.picture.describe import measure_change
from regharm_core.picture.light import decode, encode
from regharm_core.picture.local_map import LocalMaps
from tests.network.mapnets import strong


@pytest.fixture(scope="module", params=["pixels", "maps"])
def model(request: pytest.FixtureRequest) -> Harmonizer:
    return strong(request.param)


def scene(side: int = 64) -> tuple[Tensor, Tensor]:
    """Display values well inside the range, and a soft disc."""
    small = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    image = torch.nn.functional.interpolate(small, (side, side), mode="bicubic").clamp(0, 1) * 0.4 + 0.3
    steps = torch.linspace(-1, 1, side)
    disc = ((0.5 - (steps[:, None].square() + steps.square()).sqrt()) * 20 + 0.5).clamp(0, 1)
    return image, disc.expand(1, 1, side, side).clone()


def curve(value: float) -> float:
    """IEC 61966-2-1, from display to light, beyond 1 too."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def test_the_curves_against_the_standard_and_each_other() -> None:
    values = torch.linspace(0, 1, 1001, dtype=torch.float64)
    assert torch.allclose(decode(values), torch.tensor([curve(v) for v in values.tolist()], dtype=torch.float64))
    torch.testing.assert_close(encode(decode(values)), values, rtol=0, atol=1e-7)
    light = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(encode(torch.from_numpy(light)).numpy(), primaries.encode(light), atol=1e-12)
    assert encode(torch.tensor([-3.0, 7.0])).tolist() == [0, pytest.approx(1)]
    assert decode(torch.tensor([1.2, -0.1])).tolist() == pytest.approx([curve(1.2), -0.1 / 12.92])


def test_where_the_mask_is_white_it_is_the_change_of_the_display_values(model: Harmonizer) -> None:
    image, mask = scene()
    shown = harmonize(model, image, mask)
    light = harmonize(model, decode(image), mask, encoding="linear")
    white = (mask == 1).expand_as(image)
    torch.testing.assert_close(encode(light)[white], shown[white], rtol=0, atol=2e-4)
    assert float((shown - image).abs().max()) > 0.02
    black = (mask == 0).expand_as(image)
    assert torch.equal(light[black].view(torch.int32), decode(image)[black].view(torch.int32))


def test_every_pixel_against_loops() -> None:
    """Display value, its change, back to light, mixed in light; above 1 by the factor of 1, below 0 as 0."""
    image, mask = scene()
    light = decode(image)
    light[0, :, 30, 30], light[0, :, 33, 35] = torch.tensor([6.0, 1.5, 0.2]), torch.tensor([-0.3, 0.1, 0.0])
    maps = torch.randn(1, 12, 64, 64, generator=torch.Generator().manual_seed(1)) * 0.1
    made = light[0].clone()
    apply_maps(made, light[0], mask[0], LocalMaps(maps, (64, 64)), whole(mask), 0.7, lambda: None, linear=True)
    for y in range(64):
        for x in range(64):
            share, here, values = float(mask[0, 0, y, x]), maps[0, :, y, x].tolist(), light[0, :, y, x].tolist()
            shown = [primaries.encode(np.array(min(max(v, 0), 1))).item() for v in values]
            for c in range(3):
                change = 0.7 * (sum(here[3 * c + k] * shown[k] for k in range(3)) + here[9 + c])
                moved = curve(shown[c] + change) - curve(shown[c])
                expected = max(values[c] + share * moved * max(values[c], 1), min(values[c], 0))
                assert float(made[c, y, x]) == pytest.approx(expected, abs=1e-4)


def test_highlights_keep_their_height(model: Harmonizer) -> None:
    image, mask = scene()
    light = decode(image)
    light[..., 30:34, 30:34] = torch.tensor([2.0, 4.0, 8.0, 16.0]).expand(4, 4)
    made = harmonize(model, light, mask, encoding="linear")[0, :, 31, 30:34]
    assert float(made.amin()) > 1 and bool((made[:, 1:] > made[:, :-1] * 1.5).all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_dtypes_stay_finite(model: Harmonizer, dtype: torch.dtype) -> None:
    image, mask = scene()
    light = decode(image).to(dtype)
    light[..., 31:34, 31:34] = 60000
    made = harmonize(model, light, mask.to(dtype), encoding="linear", strength=2)
    assert made.dtype == dtype and bool(made.isfinite().all())


def test_what_is_kept_of_linear_light_is_applied_to_linear_light(model: Harmonizer) -> None:
    image, mask = scene()
    light, kept = decode(image), list[Correction]()
    made = harmonize(model, light, mask, encoding="linear", kept=kept)
    torch.testing.assert_close(apply_correction(light[0], mask[0], kept[0]), made[0], rtol=0, atol=1e-5)
    shown: list[Correction] = []
    harmonize(model, image, mask, kept=shown)
    torch.testing.assert_close(kept[0].overall, shown[0].overall, rtol=0, atol=0.02)


def test_what_is_said_and_looked_at_is_what_a_display_shows(model: Harmonizer) -> None:
    image, mask = scene()
    brighter = image + 0.1
    said = measure_change(decode(image)[0], decode(brighter)[0], mask[0], linear=True)
    assert said.lightness == pytest.approx(25.5, abs=0.01)
    looked = attention_map(model, decode(image), mask, encoding="linear")
    torch.testing.assert_close(looked, attention_map(model, image, mask), rtol=0, atol=1e-3)


def test_other_words_are_refused(model: Harmonizer) -> None:
    image, mask = scene()
    for call in (harmonize, attention_map):
        with pytest.raises(InputError, match="encoding must be 'sRGB' or 'linear', got 'log'"):
            call(model, image, mask, encoding="log")
