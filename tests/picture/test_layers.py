"""A change found on a canvas reaches a layer's pixels where they lie on it."""

from __future__ import annotations

import math

import pytest
import torch

from regharm_core.picture.correction import Correction, apply_correction
from regharm_core.picture.layers import LayerPlace, correct_layer
from regharm_core.picture.local_map import LocalMaps


def go_on() -> None:
    """Never cancels."""


def ramp() -> Correction:
    """Red rises with x, green with y, over a part of a canvas of 80 x 100."""
    coefficients = torch.zeros(1, 12, 20, 30)
    coefficients[:, 9] = torch.linspace(-0.2, 0.2, 30)
    coefficients[:, 10] = torch.linspace(-0.1, 0.1, 20)[:, None]
    return Correction(torch.zeros(12), LocalMaps(coefficients, (20, 30)), (0.1, 0.9, 0.2, 0.8))


def slow_place(place: LayerPlace, size: tuple[int, int], i: int, j: int) -> tuple[float, float]:
    """Where pixel i (column), j (row) lies on the canvas, by complex numbers."""
    u = (i + 0.5) / size[1] * place.width
    v = (j + 0.5) / size[0] * place.height
    u = place.width - u if place.flip_h else u
    v = place.height - v if place.flip_v else v
    turned = complex(u - place.width / 2, v - place.height / 2) * complex(
        math.cos(place.rotation), math.sin(place.rotation)
    )
    return place.x + place.width / 2 + turned.real, place.y + place.height / 2 + turned.imag


@pytest.mark.parametrize(
    "place",
    [
        LayerPlace(30, 20, 40, 30),
        LayerPlace(25.0, 15.0, 50.0, 40.0, 0.6),
        LayerPlace(35, 25, 30, 24, -2.2, True, False),
        LayerPlace(35, 25, 30, 24, 0.0, True, True),
    ],
)
def test_pixels_get_the_change_of_their_place(place: LayerPlace) -> None:
    layer = torch.full((3, 12, 16), 0.5)
    result = correct_layer(layer, ramp(), place, (80, 100), go_on)
    for j in range(12):
        for i in range(16):
            x, y = slow_place(place, (12, 16), i, j)
            # the maps lie over rows 8 to 72 and columns 20 to 80
            column = min(max((x - 20) / 60 * 30 - 0.5, 0), 29)
            row = min(max((y - 8) / 64 * 20 - 0.5, 0), 19)
            assert float(result[0, j, i]) == pytest.approx(0.5 - 0.2 + 0.4 * column / 29, abs=1e-5)
            assert float(result[1, j, i]) == pytest.approx(0.5 - 0.1 + 0.2 * row / 19, abs=1e-5)
            assert float(result[2, j, i]) == 0.5


def test_an_unmoved_layer_is_changed_as_the_canvas_is() -> None:
    torch.manual_seed(0)
    correction = ramp()
    correction.maps.coefficients[:, :9] = 0.1 * torch.randn(1, 9, 1, 1)  # type: ignore[union-attr]
    canvas = torch.rand(3, 80, 100)
    part = (slice(None), slice(10, 60), slice(25, 75))
    layer = correct_layer(canvas[part], correction, LayerPlace(25, 10, 50, 50), (80, 100), go_on)
    assert torch.allclose(layer, apply_correction(canvas, torch.ones(1, 80, 100), correction)[part], atol=1e-5)


def test_nothing_to_change_and_values_beyond_one() -> None:
    layer = torch.full((3, 4, 4), 7.0)
    place = LayerPlace(30, 20, 40, 30)
    assert correct_layer(layer, Correction.none(), place, (80, 100), go_on) is layer
    assert correct_layer(layer, Correction(torch.ones(12)), place, (80, 100), go_on) is layer
    changed = correct_layer(layer.half(), ramp(), place, (80, 100), go_on)
    assert changed.dtype == torch.float16 and 6.5 < float(changed.amin()) and float(changed.amax()) < 7.5


def test_cancel_is_heard() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        correct_layer(torch.rand(3, 4, 4), ramp(), LayerPlace(30, 20, 40, 30), (80, 100), stop)
