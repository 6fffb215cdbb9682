"""What the network answered to the small copy, carried to the full-size picture."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..network.maps import evaluate_maps
from .adjust import Adjustment, adjust_maps, mean_colours
from .box import Box, bounding_box, grow, join, whole
from .light import decode, encode
from .local_map import CELL, LocalMaps, enlarge, fit_local_maps
from .objects import places_in
from .small import STRIP_PIXELS
from .subjects import Subject
from .view import Check, View

MARGIN = 2 * CELL  # px around the foreground on which maps are fitted too, so that those at its rim have neighbours
MOST_PLACES = 512  # a side, of the maps of several objects
CACHE_PIXELS = (
    1 << 17
)  # full-size pixels worked on at once on a CPU, where a strip that fits the cache takes a third of the time


def maps_of(views: View, n: int, *, exact: bool, everywhere: bool = False) -> LocalMaps:
    """Local colour maps of composite ``n``: the network's own, or fitted to its residual where the foreground lies.

    The part of the residual that the maps do not explain is mostly noise of the network (a faint grid with the
    stride of its transposed convolutions), not detail. Without it, results are 0.1 to 0.5 dB nearer to the truth on
    every set of pairs; a network that draws the truth would want it (64.4 dB without, 69.4 with it). Only where a
    picture has the network's size (``exact``) is it kept, as in Eq. 7. ``everywhere``: also where no foreground lies.
    """
    if views.maps is not None:
        own = views.maps[n : n + 1]
        return LocalMaps(own, (own.shape[2], own.shape[3]))
    box = whole(views.guide) if everywhere else grow(bounding_box(views.weight[n]), MARGIN, CELL, views.size)
    guide, weight, residual = (box.of(part[n : n + 1]) for part in (views.guide, views.weight, views.residual))
    maps = fit_local_maps(guide, residual, weight)
    if not exact:
        grid = (views.size[0] // CELL, views.size[1] // CELL)
        return LocalMaps(maps, grid, (box.top // CELL, box.left // CELL))
    maps = F.interpolate(maps, guide.shape[-2:], mode="bilinear", align_corners=False)
    maps = torch.cat([maps[:, :9], maps[:, 9:] + residual - evaluate_maps(maps, guide)], dim=1)
    return LocalMaps(maps, views.size, (box.top, box.left))


def adjusted(maps: LocalMaps, mean: Tensor, adjustment: Adjustment) -> LocalMaps:
    """Maps with the parts of their change weighed as asked for; ``mean``: the foreground's colour around each place."""
    if adjustment.leaves_all:
        return maps
    return replace(maps, coefficients=adjust_maps(maps.coefficients, mean, adjustment))


def mean_of(views: View, n: int, maps: LocalMaps) -> Tensor:
    """The foreground's mean colour around each place of the maps of entry ``n``: 1 3 h w."""
    one, (rows, columns), (top, left) = slice(n, n + 1), maps.coefficients.shape[-2:], maps.first
    mean = mean_colours(views.guide[one], views.weight[one], maps.grid)
    return mean[..., top : top + rows, left : left + columns]


def combined(parts: list[LocalMaps], boxes: list[Box], places: Tensor, size: tuple[int, int]) -> tuple[LocalMaps, Box]:
    """The maps of several objects as one grid over the smallest box that holds all of theirs.

    Its places are as close as those of the finest part, up to ``MOST_PLACES`` a side. Objects have a gap between them,
    so that what is mixed on the way from one's places to the other's is not seen.

    Args:
        parts: maps of each object over its box.
        boxes: of a picture of this height and width.
        places: h w, the number of the object that each place of the picture belongs to.
        size: px.
    """
    around = boxes[0]
    for box in boxes[1:]:
        around = join(around, box)
    fine = [min(box.size[axis] / maps.grid[axis] for maps, box in zip(parts, boxes, strict=True)) for axis in (0, 1)]
    grid = tuple(min(max(round(around.size[axis] / fine[axis]), 1), MOST_PLACES) for axis in (0, 1))
    step = [around.size[axis] / grid[axis] for axis in (0, 1)]
    owners = places_in(places, around, size, (grid[0], grid[1])).to(parts[0].coefficients.device)
    answer = torch.zeros_like(parts[0].coefficients[:, :, :1, :1]).expand(-1, -1, *grid)
    for n, (maps, box) in enumerate(zip(parts, boxes, strict=True)):
        here = maps.coefficients
        for axis, start in ((0, around.top - box.top), (1, around.left - box.left)):
            first, length = start / step[axis], box.size[axis] / step[axis]
            here = enlarge(here, axis + 2, first, first + grid[axis], length, maps.grid[axis], maps.first[axis])
        answer = torch.where(owners == n, here, answer)
    return LocalMaps(answer.contiguous(), (grid[0], grid[1])), around


def merged(subjects: list[Subject], parts: list[LocalMaps], picture: Tensor) -> tuple[LocalMaps, Box]:
    """The maps of all subjects of a picture (3 H W) and the box that they lie over."""
    places = subjects[0].places
    if places is None:
        return parts[0], subjects[0].box
    return combined(parts, [subject.box for subject in subjects], places, (picture.shape[1], picture.shape[2]))


def apply_maps(
    result: Tensor,
    image: Tensor,
    mask: Tensor,
    maps: LocalMaps,
    box: Box,
    strength: float,
    check: Check,
    *,
    linear: bool = False,
) -> None:
    """Add the change to one composite, strip by strip of the foreground's box.

    Args:
        result: 3 H W, written into where the mask is above 0.
        image: 3 H W.
        mask: 1 H W.
        maps: colour maps.
        box: the part of the picture that they lie over; a pixel beyond gets the change of the nearest place.
        strength: scales the change.
        check: called before each strip.
        linear: the picture is linear light. The maps are of display values; what they change is carried back, and a
            value above 1 changes by the same factor as 1 does.
    """
    inner = bounding_box(mask)
    result, image, mask = (inner.of(part) for part in (result, image, mask))
    height, width = inner.size
    touched = (mask.amax((0, 2)) > 0).tolist()  # rows with foreground
    left, top = inner.left - box.left, inner.top - box.top
    wide = enlarge(maps.coefficients.to(image.device), 3, left, left + width, box.size[1], maps.grid[1], maps.first[1])
    pixels = CACHE_PIXELS if image.device.type == "cpu" else STRIP_PIXELS
    step = max(pixels // width, 1)
    for start in range(0, height, step):
        stop = min(start + step, height)
        if not any(touched[start:stop]):
            continue
        check()
        former, weight = image[:, start:stop], mask[:, start:stop]
        colours = former.float()
        here = enlarge(wide, 2, top + start, top + stop, box.size[0], maps.grid[0], maps.first[0])
        if linear:
            shown = encode(colours)
            change = decode(torch.add(shown, evaluate_maps(here, shown[None])[0], alpha=strength)) - decode(shown)
            changed = torch.addcmul(colours, weight, change * colours.clamp(min=1))
            low, high = colours.clamp(max=0), changed.new_tensor(torch.finfo(image.dtype).max)
        else:
            change = evaluate_maps(here, colours.clamp(0, 1)[None])[0]
            changed = torch.addcmul(colours, weight, change, value=strength)
            low, high = colours.clamp(max=0), colours.clamp(min=1)  # colours inside [0, 1] stay inside
        result[:, start:stop] = torch.where(weight > 0, changed.clamp(low, high).to(image.dtype), former)
