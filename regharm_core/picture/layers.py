"""A change found on a canvas, carried into the pixels of a layer that was scaled, mirrored and turned onto it.

So the layer stays a layer: its place, its size, its alpha and its detail are what they were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..network.maps import evaluate_maps
from .correction import Correction, known_part
from .sampling import sample_repeated
from .small import STRIP_PIXELS
from .view import Check


@dataclass(frozen=True)
class LayerPlace:
    """How a layer lies on its canvas.

    Attributes:
        x, y: px, the left upper corner before it is turned.
        width, height: px on the canvas.
        rotation: radians, clockwise, around its middle.
        flip_h, flip_v: mirrored, before it is turned.
    """

    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0
    flip_h: bool = False
    flip_v: bool = False

    def on_canvas(self, size: tuple[int, int], rows: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Where the centres of a layer's pixels lie on the canvas, in px from its corner: x and y, both rows w.

        Args:
            size: the layer's own height and width in pixels.
            rows: the first row that is wanted, and the one after the last.
        """
        down = (torch.arange(*rows, dtype=torch.float32)[:, None] + 0.5) / size[0]
        across = (torch.arange(size[1], dtype=torch.float32)[None] + 0.5) / size[1]
        across = 0.5 - across if self.flip_h else across - 0.5
        down = 0.5 - down if self.flip_v else down - 0.5
        u, v = across * self.width, down * self.height
        cosine, sine = math.cos(self.rotation), math.sin(self.rotation)
        x = self.x + self.width / 2 + u * cosine - v * sine
        y = self.y + self.height / 2 + u * sine + v * cosine
        return x, y


def correct_layer(
    layer: Tensor, correction: Correction, place: LayerPlace, canvas: tuple[int, int], check: Check
) -> Tensor:
    """Apply a regional change that was found on a canvas to a layer's own pixels.

    Args:
        layer: 3 h w, the layer's own colours.
        correction: found on the canvas, with maps.
        place: how the layer lies on it.
        canvas: height and width of the canvas.
        check: called before each strip, to cancel by raising.

    Returns:
        3 h w of the layer's dtype. Pixels beyond what the network was shown get the change of the nearest place
        that it was shown.
    """
    if correction.maps is None or correction.empty:
        return layer
    maps, box = correction.maps, known_part(correction, canvas)
    coefficients = maps.coefficients.to(layer.device).float()
    size, result = (layer.shape[-2], layer.shape[-1]), layer.clone()
    step = max(STRIP_PIXELS // size[1], 1)
    for start in range(0, size[0], step):
        check()
        stop = min(start + step, size[0])
        x, y = (part.to(layer.device) for part in place.on_canvas(size, (start, stop)))
        # places of the maps' grid, as picture.local_map.enlarge counts them, then as grid_sample does
        column = (x - box.left) * maps.grid[1] / box.size[1] - 0.5 - maps.first[1]
        row = (y - box.top) * maps.grid[0] / box.size[0] - 0.5 - maps.first[0]
        height, width = coefficients.shape[-2:]
        grid = torch.stack([(2 * column + 1) / width - 1, (2 * row + 1) / height - 1], dim=-1)[None]
        here = sample_repeated(coefficients, grid)
        colours = layer[:, start:stop].float()
        changed = colours + evaluate_maps(here, colours.clamp(0, 1)[None])[0]
        low, high = colours.clamp(max=0), colours.clamp(min=1)
        result[:, start:stop] = changed.clamp(low, high).to(layer.dtype)
    return result
