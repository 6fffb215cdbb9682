"""What the network answered to the small copy, carried to the full-size picture."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..network.maps import evaluate_maps
from .adjust import Adjustment, adjust_maps, mean_colours
from .box import bounding_box, grow
from .local_map import CELL, LocalMaps, enlarge, fit_local_maps
from .view import Check, View

MARGIN = 2 * CELL  # px around the foreground on which maps are fitted too, so that those at its rim have neighbours
STRIP_PIXELS = 1 << 20  # full-size pixels worked on at once
CACHE_PIXELS = 1 << 17  # the same on a CPU, where a strip that fits the cache takes a third of the time


def maps_of(views: View, n: int, *, exact: bool) -> LocalMaps:
    """Local colour maps of composite ``n``: the network's own, or fitted to its residual where the foreground lies.

    The part of the residual that the maps do not explain is mostly noise of the network (a faint grid with the
    stride of its transposed convolutions), not detail. Without it, results are 0.1 to 0.5 dB nearer to the truth on
    every set of pairs; a network that draws the truth would want it (64.4 dB without, 69.4 with it). Only where a
    picture has the network's size (``exact``) is it kept, as in Eq. 7.
    """
    if views.maps is not None:
        own = views.maps[n : n + 1]
        return LocalMaps(own, (own.shape[2], own.shape[3]))
    box = grow(bounding_box(views.weight[n]), MARGIN, CELL, views.size)
    guide, weight, residual = (box.of(part[n : n + 1]) for part in (views.guide, views.weight, views.residual))
    maps = fit_local_maps(guide, residual, weight)
    if not exact:
        grid = (views.size[0] // CELL, views.size[1] // CELL)
        return LocalMaps(maps, grid, (box.top // CELL, box.left // CELL))
    maps = F.interpolate(maps, guide.shape[-2:], mode="bilinear", align_corners=False)
    maps = torch.cat([maps[:, :9], maps[:, 9:] + residual - evaluate_maps(maps, guide)], dim=1)
    return LocalMaps(maps, views.size, (box.top, box.left))


def adjusted(maps: LocalMaps, views: View, n: int | None, adjustment: Adjustment) -> LocalMaps:
    """Maps of composite ``n`` (None: of the whole batch) with the parts of their change weighed as asked for."""
    if adjustment.leaves_all:
        return maps
    if n is None:
        total = views.weight.sum().clamp_min(1e-6)
        mean = (views.guide * views.weight).sum((0, 2, 3), keepdim=True) / total
    else:
        one = slice(n, n + 1)
        rows, columns = maps.coefficients.shape[-2:]
        top, left = maps.first
        mean = mean_colours(views.guide[one], views.weight[one], maps.grid)
        mean = mean[..., top : top + rows, left : left + columns]
    return replace(maps, coefficients=adjust_maps(maps.coefficients, mean, adjustment))


def apply_maps(result: Tensor, image: Tensor, mask: Tensor, maps: LocalMaps, strength: float, check: Check) -> None:
    """Add the change to the part of one composite that the network saw, strip by strip of the foreground's box.

    Args:
        result: 3 H W, written into where the mask is above 0.
        image: 3 H W.
        mask: 1 H W.
        maps: colour maps of this part of the picture.
        strength: scales the change.
        check: called before each strip.
    """
    size = (mask.shape[-2], mask.shape[-1])
    box = bounding_box(mask)
    result, image, mask = (box.of(part) for part in (result, image, mask))
    height, width = box.size
    touched = (mask.amax((0, 2)) > 0).tolist()  # rows with foreground
    wide = enlarge(maps.coefficients.to(image.device), 3, box.left, box.right, size[1], maps.grid[1], maps.first[1])
    pixels = CACHE_PIXELS if image.device.type == "cpu" else STRIP_PIXELS
    step = max(pixels // width, 1)
    for start in range(0, height, step):
        stop = min(start + step, height)
        if not any(touched[start:stop]):
            continue
        check()
        former, weight = image[:, start:stop], mask[:, start:stop]
        colours = former.float()
        here = enlarge(wide, 2, box.top + start, box.top + stop, size[0], maps.grid[0], maps.first[0])
        change = evaluate_maps(here, colours.clamp(0, 1)[None])[0]
        changed = torch.addcmul(colours, weight, change, value=strength)
        low, high = colours.clamp(max=0), colours.clamp(min=1)  # colours inside [0, 1] stay inside
        result[:, start:stop] = torch.where(weight > 0, changed.clamp(low, high).to(image.dtype), former)
