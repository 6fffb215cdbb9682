"""A cut-out laid on a background: scaled, turned, put in its place, with no seam of its old background.

Colours are blended as they are coded, as most editors and all composites of this field are. All resampling is
done with premultiplied alpha, so the colours that lie hidden under transparent pixels never come to light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from .box import Box
from .inputs import check_finite
from .levels import top_level
from .masks import grow
from .spread import continue_colours

LARGEST = 16384  # px a side of a scaled cut-out
LARGEST_DEFRINGE = 64  # px
REACH = 3  # px that cubic interpolation reaches beyond a turned rectangle
ROUNDING = 1e-5  # that resampling takes off what was opaque
OPAQUE = 0.98  # of the alpha inside, from which a pixel is taken to be all object

ANCHORS: dict[str, tuple[float, float]] = {  # the point of the cut-out that x and y place, as shares of its sides
    "top left": (0.0, 0.0),
    "top": (0.5, 0.0),
    "top right": (1.0, 0.0),
    "left": (0.0, 0.5),
    "centre": (0.5, 0.5),
    "right": (1.0, 0.5),
    "bottom left": (0.0, 1.0),
    "bottom": (0.5, 1.0),
    "bottom right": (1.0, 1.0),
}


@dataclass(frozen=True)
class Placement:
    """Where a cut-out goes.

    Attributes:
        x, y: px of the background, from its left upper corner, that the anchor comes to lie on.
        scale: of the cut-out's sides, above 0; the scaled sides are rounded to whole pixels.
        rotation: degrees, clockwise, around the anchor.
        anchor: one of :data:`ANCHORS`.
        flip: mirrored left to right, before it is turned.
    """

    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    rotation: float = 0.0
    anchor: str = "top left"
    flip: bool = False


def paste(background: Tensor, cutout: Tensor, alpha: Tensor, placement: Placement) -> tuple[Tensor, Tensor]:
    """Lay a cut-out on a background.

    Args:
        background: B 3 H W, floating point, or B 4 H W with alpha.
        cutout: B 3 h w, straight (not premultiplied) colours.
        alpha: B 1 h w in [0, 1], 1 = seen.
        placement: where it goes. Without rotation, or turned by right angles, its corner is rounded to whole
            pixels, so that nothing is blurred; at scale 1 its pixels are then taken as they are.

    Returns:
        The composite, of the background's shape and dtype, its bits where nothing was laid on it; and the
        cut-out's alpha on the whole canvas, B 1 H W in fp32.

    Raises:
        InputError: on shapes that do not fit, an unknown anchor, a scale that leaves no pixel or far too many,
            or numbers that are not finite.
    """
    _check(background, cutout, alpha, placement)
    result = background.clone()
    mask = torch.zeros_like(background[:, :1], dtype=torch.float32)
    canvas = (background.shape[-2], background.shape[-1])
    straight = torch.cat([cutout, alpha.to(cutout.dtype)], dim=1).float()
    layer, box, inner = place(straight, placement, canvas)
    if inner is None:
        return result, mask
    layer = inner.of(layer)
    layer = layer / layer[:, 3:].clamp_min(1)  # where cubic interpolation went beyond, colours did with alpha
    weight = layer[:, 3:].clamp(0, 1)
    weight = torch.where(weight > 1 - ROUNDING, 1.0, weight)
    behind = box.of(background).float()
    low = min(0.0, float(behind.amin()), float(cutout.amin()))
    high = max(1.0, float(behind.amax()), float(cutout.amax()))
    if behind.shape[1] == 3:
        laid = layer[:, :3] + (1 - weight) * behind
    else:
        share = (1 - weight) * behind[:, 3:]
        cover = weight + share
        laid = torch.cat([(layer[:, :3] + share * behind[:, :3]) / cover.clamp_min(1e-6), cover], dim=1)
    laid = laid.clamp(low, high).to(background.dtype)
    box.of(result)[:] = torch.where(weight > 0, laid, box.of(background))
    box.of(mask)[:] = weight
    return result, mask


def place(straight: Tensor, placement: Placement, canvas: tuple[int, int]) -> tuple[Tensor, Box, Box | None]:
    """Scale, mirror and turn straight RGBA, B 4 h w: premultiplied RGBA and where on the canvas it lies.

    Returns:
        The layer, B 4 h' w'; the part of the canvas that it covers; and the part of the layer that covers it,
        None where nothing of it lies on the canvas.
    """
    layer = torch.cat([straight[:, :3] * straight[:, 3:], straight[:, 3:]], dim=1)
    if placement.flip:
        layer = layer.flip(-1)
    height, width = scaled_size((layer.shape[-2], layer.shape[-1]), placement.scale)
    if (height, width) != tuple(layer.shape[-2:]):
        layer = F.interpolate(layer, (height, width), mode="bicubic", antialias=True)
    across, down = ANCHORS[placement.anchor]
    turns, rest = divmod(placement.rotation % 360, 90)
    # corner: of the layer, seen from the anchor, before it is turned
    corner = torch.tensor([[-across * width, -down * height], [(1 - across) * width, (1 - down) * height]])
    if rest == 0:
        layer = torch.rot90(layer, -int(turns), (-2, -1))
        turned = _turn(corner, placement.rotation)
        left, top = (math.floor(v + 0.5) for v in (turned.amin(0) + torch.tensor([placement.x, placement.y])).tolist())
    else:
        layer, (left, top) = _rotate(layer, placement, corner, canvas)
    covered = Box(
        max(top, 0), min(top + layer.shape[-2], canvas[0]), max(left, 0), min(left + layer.shape[-1], canvas[1])
    )
    if covered.size[0] <= 0 or covered.size[1] <= 0:
        return layer, covered, None
    inner = Box(covered.top - top, covered.bottom - top, covered.left - left, covered.right - left)
    return layer, covered, inner


def scaled_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Height and width of a cut-out after scaling, in whole pixels, at least one.

    Raises:
        InputError: on more than 16,384 px a side.
    """
    height, width = (max(round(side * scale), 1) for side in size)
    if max(height, width) > LARGEST:
        raise InputError(
            f"scale {scale:g} makes the cut-out {width} x {height} px; at most {LARGEST} px a side are laid down"
        )
    return height, width


def defringe(cutout: Tensor, alpha: Tensor, pixels: int) -> Tensor:
    """Take the old background's colour out of a cut-out's rim: colours are continued from inside the object.

    Args:
        cutout: B 3 H W, straight colours.
        alpha: B 1 H W in [0, 1].
        pixels: how far inwards from the opaque part's edge the colours are not trusted; 0 changes nothing.

    Returns:
        B 3 H W of the cut-out's dtype; inside unchanged. Where an object is so thin that nothing would be left
        of it, the rim is taken as narrower.

    Raises:
        InputError: on a number of pixels outside 0..64.
    """
    if not 0 <= pixels <= LARGEST_DEFRINGE:
        raise InputError(f"defringe must be from 0 to {LARGEST_DEFRINGE} px, got {pixels}")
    if pixels == 0:
        return cutout
    results: list[Tensor] = []
    for colours, cover in zip(cutout.split(1), alpha.float().split(1), strict=True):
        inside = OPAQUE * top_level(cover[0])  # glass, and what was made fainter, is opaque nowhere
        reach, trusted = pixels, grow(cover, -pixels) >= inside
        while reach and not bool(trusted.any()):
            reach //= 2
            trusted = grow(cover, -reach) >= inside
        filled = continue_colours(colours.float(), trusted.float())
        results.append(torch.where(trusted | (cover <= 0), colours, filled.to(colours.dtype)))
    return torch.cat(results)


def _turn(points: Tensor, degrees: float) -> Tensor:
    """The four corners of a rectangle (given by two, x y) turned clockwise, y pointing down: 4 2."""
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    (x0, y0), (x1, y1) = points.tolist()
    corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    return torch.tensor([(x * cosine - y * sine, x * sine + y * cosine) for x, y in corners])


def _rotate(layer: Tensor, placement: Placement, corner: Tensor, canvas: tuple[int, int]) -> tuple[Tensor, list[int]]:
    """Turn a premultiplied layer by cubic interpolation, as far as it lies on the canvas: B 4 h' w', left and top."""
    turned = _turn(corner, placement.rotation) + torch.tensor([placement.x, placement.y])
    left, top = (max(math.floor(v) - REACH, 0) for v in turned.amin(0).tolist())
    right, bottom = (math.ceil(v) + REACH for v in turned.amax(0).tolist())
    right, bottom = min(right, canvas[1]), min(bottom, canvas[0])
    if right <= left or bottom <= top:
        return layer[..., :0, :0], [left, top]
    angle = math.radians(placement.rotation)
    cosine, sine = math.cos(angle), math.sin(angle)
    # centres of the canvas' pixels, seen from the anchor, turned back into the layer's own pixels
    y = torch.arange(top, bottom, device=layer.device)[:, None] + 0.5 - placement.y
    x = torch.arange(left, right, device=layer.device)[None] + 0.5 - placement.x
    own_x = x * cosine + y * sine - corner[0, 0]
    own_y = y * cosine - x * sine - corner[0, 1]
    height, width = layer.shape[-2:]
    grid = torch.stack([2 * own_x / width - 1, 2 * own_y / height - 1], dim=-1).expand(layer.shape[0], -1, -1, -1)
    turned_layer = F.grid_sample(layer, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
    return turned_layer, [left, top]


def _check(background: Tensor, cutout: Tensor, alpha: Tensor, placement: Placement) -> None:
    wanted = (("background", background, (3, 4)), ("cutout", cutout, (3,)), ("alpha", alpha, (1,)))
    for name, tensor, channels in wanted:
        if tensor.ndim != 4 or tensor.shape[1] not in channels:
            number = " or ".join(map(str, channels))
            raise InputError(f"{name} must be B {number} H W, got a tensor {tuple(tensor.shape)}")
    if cutout.shape[0] != background.shape[0] or alpha.shape[0] != background.shape[0]:
        counts = f"{background.shape[0]}, {cutout.shape[0]} and {alpha.shape[0]}"
        raise InputError(f"background, cutout and alpha must be equally many, got {counts}")
    if cutout.shape[2:] != alpha.shape[2:]:
        sizes = " and ".join(f"{t.shape[3]} x {t.shape[2]} px" for t in (cutout, alpha))
        raise InputError(f"cutout and alpha must have one size, got {sizes}")
    if placement.anchor not in ANCHORS:
        raise InputError(f"anchor must be one of {', '.join(ANCHORS)}, got {placement.anchor!r}")
    for name, tensor, _ in wanted:
        check_finite(tensor, name)
    numbers = (placement.x, placement.y, placement.scale, placement.rotation)
    if not all(math.isfinite(number) for number in numbers) or placement.scale <= 0:
        raise InputError(f"x, y, scale and rotation must be finite and scale above 0, got {numbers}")
