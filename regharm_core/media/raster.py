"""A picture as its file has it: every channel's own values, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .colour import Space

LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as everybody who makes a grey picture of a coloured one


@dataclass(frozen=True)
class Raster:
    """Decoded values, upright.

    Attributes:
        values: H W C of the file's own kind of number; whole numbers fill their type's range.
        bits: of a channel in the file (10 and 12 lie in 16).
        colour: which channels are the colour: one (grey) or three.
        alpha: which channel is the alpha, if any.
        associated: the colour is multiplied by the alpha already.
        linear: the colour is linear light, not limited to 0..1.
        space: how the colour is shown as sRGB (as linear light in its primaries where ``linear``); None: as it is.
        names: of the channels, where the file names them.
        types: of the channels in the file, where they differ, as OpenImageIO calls them.
        kind: the file's format, as OpenImageIO or Pillow call it.
        extras: profile, EXIF, resolution and text, see :mod:`.facts`.
        notes: what a reader had to decide, a sentence each.
    """

    values: np.ndarray
    bits: int
    colour: tuple[int, ...]
    alpha: int | None = None
    associated: bool = False
    linear: bool = False
    space: Space | None = None
    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    kind: str = ""
    extras: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def floating(self) -> bool:
        """Whether the values are floating point numbers."""
        return self.values.dtype.kind == "f"

    @property
    def full(self) -> float:
        """The value that stands for 1."""
        return full_scale(self.values.dtype)

    def part(self, channels: tuple[int, ...]) -> np.ndarray:
        """Some channels, H W len(channels), of which 1 is the full scale."""
        exact = self.values.dtype.itemsize > 2 and self.values.dtype != np.float32
        chosen = self.values[..., list(channels)].astype(np.float64 if exact else np.float32)
        return chosen if self.floating else chosen / chosen.dtype.type(self.full)

    def straight(self) -> np.ndarray:
        """The colour with no alpha in it, H W 1 or 3; where the alpha is 0 it stays as stored."""
        colour = self.part(self.colour)
        if self.alpha is None or not self.associated:
            return colour
        alpha = self.part((self.alpha,))
        return np.divide(colour, alpha, out=colour.copy(), where=alpha > 0)


def full_scale(dtype: np.dtype[Any]) -> float:
    """The value of a type that stands for 1."""
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)


def quantized(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Values of which 1 is the full scale as a type's own; whole numbers are rounded and kept in their range."""
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return values.astype(dtype)
    return (values.clip(0, 1) * full_scale(dtype)).round().astype(dtype)
