"""Masks as people make them: soft or hard, of any depth, labels, palettes, drawn in the alpha; white is foreground."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from .pillow import palette_of
from .raster import Raster, full_scale
from .reading import read_raster

ASPECT_TOLERANCE = 0.05  # a mask whose sides' ratio is further off belongs to another picture
VOID = 255  # the number that data sets give to what nobody has labelled
SCALES = (0xFF, 0xFFFF, 0xFFFFFFFF)  # what white may be, whatever type of number it is kept in
DARK = 0.5  # of white: what is nowhere brighter is labels, or a mistake
COLOURED = 0.1  # of white: channels further apart than this are a colour
SAME_COLOUR = 0.25  # a colour's channels, the largest of them 1, may vary by this
OVERSHOOT = 2.0  # floating point masks may go beyond 1 where they were resized; from here on it is another scale


def read_mask(path: Path, size: tuple[int, int] | None = None) -> Tensor:
    """Decode a mask and fit it to a picture: 1 1 H W in [0, 1], white = foreground.

    An alpha channel is the mask where there is one that varies, else the brightest of the channels. White is 1 in any
    depth: 8-bit values in 16 or 32 bits are understood, and so is a single label, whatever its number or colour.

    Args:
        path: of the file.
        size: H, W of the picture; None keeps the mask's own.

    Raises:
        InputError: when the file cannot be read, its proportions fit no such picture, it shows several colours or
            labels, or is too dark to be a mask and no single label either.
    """
    numbered = _palette(path)
    values = _drawn(path, read_raster(path)) if numbered is None else _labelled(path, *numbered)
    mask = torch.from_numpy(np.ascontiguousarray(values, np.float32))[None, None]
    return mask if size is None else fit_mask(path, mask, size)


def fit_mask(path: Path, mask: Tensor, size: tuple[int, int]) -> Tensor:
    """A mask as it was read, 1 1 h w, in the size of its picture, H and W.

    Raises:
        InputError: naming the file, when its proportions are those of another picture.
    """
    height, width = mask.shape[-2:]
    if (height, width) == size:
        return mask
    if abs((width / height) / (size[1] / size[0]) - 1) > ASPECT_TOLERANCE:
        raise InputError(f"the mask {path} of {width} x {height} px does not fit a picture of {size[1]} x {size[0]} px")
    return F.interpolate(mask, size, mode="bilinear", antialias=True).clamp(0, 1)


def _drawn(path: Path, raster: Raster) -> np.ndarray:
    """H W in [0, 1], from the alpha or the colour."""
    if not np.isfinite(raster.values).all():
        raise InputError(f"the mask {path} holds values that are not finite numbers (NaN or infinity)")
    alpha = None if raster.alpha is None else raster.values[..., raster.alpha]
    by_alpha = alpha is not None and alpha.min() != alpha.max()
    drawn = alpha if by_alpha and alpha is not None else raster.values[..., list(raster.colour)].max(-1)
    drawn = drawn.astype(np.float64)
    low, high = float(drawn.min()), float(drawn.max())
    white = _white(raster, high)
    if low < -0.1 * white:
        raise InputError(f"the mask {path} holds values below black, from {low:g} to {high:g}; white marks the paste")
    coloured = not by_alpha and len(raster.colour) == 3 and _has_a_colour(path, raster, white)
    if coloured or 0 < high < DARK * white:
        found = np.unique(drawn)
        if len(found) == 2 and found[0] == 0:  # one label
            return drawn > 0
        if high < DARK * white:
            counted = f"{len(found)} values" if len(found) > 4 else " and ".join(f"{v:g}" for v in found)
            raise InputError(
                f"the mask {path} is too dark: its brightest value is {high:g} of {white:g} ({counted}); "
                "white is to mark what was pasted"
            )
    return (drawn / white).clip(0, 1)


def _white(raster: Raster, high: float) -> float:
    """The value of white: its type's own, unless all that is there fits into a smaller one."""
    if high <= (OVERSHOOT if raster.floating else 1):
        return 1.0
    fits = next((s for s in SCALES if high <= s), high)
    return float(fits if raster.floating else min(fits, full_scale(raster.values.dtype)))


def _has_a_colour(path: Path, raster: Raster, white: float) -> bool:
    """Whether a mask is painted in one colour.

    Raises:
        InputError: when it is painted in several, as a photograph is.
    """
    colour = raster.values[..., list(raster.colour)].astype(np.float32)
    brightest = colour.max(-1)
    chosen = colour[brightest - colour.min(-1) > COLOURED * white]
    if len(chosen) < 0.001 * brightest.size:
        return False
    shades = chosen / chosen.max(-1, keepdims=True)
    spread = np.abs(shades - np.median(shades, axis=0)).max(-1) > SAME_COLOUR
    if spread.mean() > 0.02:
        raise InputError(f"the mask {path} shows several colours, as a photograph does; white marks what was pasted")
    return True


def _palette(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Numbers and colours of a mask with a palette; whatever is wrong with the file is said where it is read."""
    try:
        return palette_of(path) if path.is_file() else None
    except Exception:
        return None


def _labelled(path: Path, numbers: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """1 where a picture with a palette has its one label. Background is the number that is black, else 0."""
    used = [int(n) for n in np.unique(numbers)]
    black = [n for n in used if n < len(colours) and not colours[n].any()]
    background = black[0] if len(black) == 1 else 0
    labels = [n for n in used if n not in (background, VOID)] or [n for n in used if n != background]
    if len(labels) > 1:
        known = ", ".join(str(n) for n in labels[:6]) + (", ..." if len(labels) > 6 else "")
        raise InputError(f"the mask {path} has {len(labels)} labels ({known}); white is to mark what was pasted")
    return (numbers == labels[0]) if labels else numbers != background
