"""A heat map made visible: the picture in dim grey, what was asked about outlined, what was consulted in colour."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor

from ..errors import InputError
from .levels import top_level
from .masks import grow

OPACITY = 0.85
DIM = 0.5  # of the grey picture's lightness that is left
LUMA = (0.2126, 0.7152, 0.0722)
COMMON, MOST = 0.5, 0.99  # parts of the background: where colour begins, where it is full
SAMPLES = 1 << 16  # pixels that are enough to tell those from
OUTLINE = 250  # the outline is so many times thinner than the picture is long

# Anchors of matplotlib's maps (BSD), evenly spaced, sRGB.
COLOUR_MAPS: dict[str, tuple[str, ...]] = {
    "inferno": ("000004", "1f0c48", "550f6d", "88226a", "ba3655", "e35933", "f98e09", "f9cb35", "fcffa4"),
    "viridis": ("440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725"),
    "turbo": ("30123b", "4145ab", "4675ed", "39a2fc", "1bcfd4", "61fc6c", "d1e834", "fe9b2d", "7a0403"),
    "grey": ("000000", "ffffff"),
}


def overlay(
    image: Tensor,
    heat: Tensor,
    *,
    mask: Tensor | None = None,
    query: Tensor | None = None,
    opacity: float = OPACITY,
    colours: str = "inferno",
) -> Tensor:
    """Paint a heat map over a picture: B 3 H W and B 1 H W -> B 3 H W in [0, 1].

    The picture is dimmed to grey; what was asked about keeps its colours and is outlined; the heat lies on top in
    colour. It begins at what half of the background exceeds and is full at what one in a hundred does, so that
    maps of different questions can be told apart whatever they have in common.

    Args:
        image: the picture.
        heat: in [0, 1].
        mask: B 1 H W, the foreground; where None, everything counts as background.
        query: B 1 H W, the part of the foreground that was asked about; all of it where None.
        opacity: 0 leaves the picture as it is.
        colours: one of :data:`COLOUR_MAPS`.

    Raises:
        InputError: on an unknown colour map or an opacity outside 0..1.
    """
    if colours not in COLOUR_MAPS:
        raise InputError(f"colours must be one of {sorted(COLOUR_MAPS)}, got {colours!r}")
    if not 0 <= opacity <= 1:
        raise InputError(f"opacity must be from 0 to 1, got {opacity!r}")
    picture = image.float().clamp(0, 1)
    if opacity == 0:
        return picture
    luma = torch.tensor(LUMA, device=image.device)[:, None, None]
    grey = DIM * (picture * luma).sum(1, keepdim=True).expand_as(picture)
    shown = torch.lerp(picture, grey, min(opacity / OPACITY, 1.0))
    asked = None if mask is None else mask.float() if query is None else mask.float() * query.float()
    if asked is not None:
        levels = [top_level(one) / 2 for one in asked.clamp(0, 1)]  # a mask may be faint
        asked = (asked > asked.new_tensor(levels)[:, None, None, None]).float()
        shown = torch.where(asked > 0, picture, shown)
    value = spread_out(heat.float(), None if mask is None else 1 - mask.float())
    shown = torch.lerp(shown, _coloured(value, colours), opacity * (1 - (1 - value).square()))
    return shown if asked is None else _outlined(shown, asked)


def spread_out(heat: Tensor, background: Tensor | None) -> Tensor:
    """Heat on a scale of the background's own: 0 at its middle value, 1 at what one pixel in a hundred exceeds.

    Args:
        heat: B 1 H W, 0 or more.
        background: B 1 H W in [0, 1]; everything where None.

    Returns:
        B 1 H W in [0, 1]; a map that is the same everywhere becomes 0.
    """
    result = torch.zeros_like(heat)
    for n in range(heat.shape[0]):
        values = heat[n].flatten() if background is None else heat[n][background[n] > 0.5]
        values = values[:: max(values.numel() // SAMPLES, 1)]
        if not values.numel():
            continue
        low, high = torch.quantile(values, torch.tensor([COMMON, MOST], device=heat.device)).tolist()
        if high - low < 1e-6:  # nearly all of it in less than one pixel of a hundred, or nothing at all
            high = float(values.amax())
        if high - low >= 1e-6:
            result[n] = ((heat[n] - low) / (high - low)).clamp(0, 1)
    return result


def _coloured(value: Tensor, colours: str) -> Tensor:
    """B 1 H W in [0, 1] -> B 3 H W."""
    anchors = [[int(h[i : i + 2], 16) / 255 for i in (0, 2, 4)] for h in COLOUR_MAPS[colours]]
    table = torch.tensor(anchors, device=value.device)  # anchors 3
    place = value[:, 0] * (len(anchors) - 1)
    low = place.floor().long().clamp(max=len(anchors) - 2)
    share = (place - low)[..., None].expand(*place.shape, 3)
    return rearrange(torch.lerp(table[low], table[low + 1], share), "b h w c -> b c h w")


def _outlined(picture: Tensor, asked: Tensor) -> Tensor:
    """A white line around a part, with a dark one around that, so that it shows on any picture."""
    width = max(round(max(asked.shape[-2:]) / OUTLINE), 1)
    inner, outer = grow(asked, width), grow(asked, 2 * width)
    picture = torch.where(outer > inner, 0.0, picture)
    return torch.where(inner > asked, 1.0, picture)
