"""A picture as the network sees it, and a result put back into the file's own values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .primaries import encode
from .raster import LUMA, Raster, quantized

STRIP_PIXELS = 1 << 20  # of which the colours are worked out at once


@dataclass(frozen=True)
class Picture:
    """A decoded file, or a picture to be written.

    Attributes:
        pixels: 1 3 H W, sRGB in [0, 1], or linear light in sRGB's primaries, of any value, where ``linear``.
        alpha: 1 1 H W in [0, 1], or None; the pixels have no alpha in them.
        depth: bits a channel: 8, 10, 12, 16, 32 or 64.
        extras: profile, EXIF, resolution and text, see :mod:`.facts`.
        linear: the pixels are scene-linear light.
        raster: what the file held; None for a picture that was made here.
    """

    pixels: Tensor
    alpha: Tensor | None
    depth: int
    extras: dict[str, Any] = field(default_factory=dict)
    linear: bool = False
    raster: Raster | None = None

    @property
    def display(self) -> Tensor:
        """1 3 H W in [0, 1] to look at: sRGB, whatever the pixels are."""
        if not self.linear:
            return self.pixels
        return torch.from_numpy(encode(self.pixels.clamp(0, 1).numpy())).float()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader had to decide, a sentence each."""
        return () if self.raster is None else self.raster.notes


def picture_of(path: Path, raster: Raster) -> Picture:
    """Show a raster to the network.

    Raises:
        InputError: on values that are not finite, or whole numbers with a sign.
    """
    raster = _unsigned(path, raster)
    straight = raster.straight()
    if not np.isfinite(straight).all():
        count = int((~np.isfinite(straight)).any(axis=-1).sum())
        raise InputError(f"{path} holds {count} pixels that are not finite numbers (NaN or infinity)")
    if raster.space is not None:
        straight = straight.astype(np.float32)
        for rows in _strips(straight.shape[0], straight.shape[1]):
            part = straight[rows]
            straight[rows] = raster.space.shown(part.reshape(-1, 3)).reshape(part.shape)
    pixels = torch.from_numpy(np.ascontiguousarray(straight, np.float32)).permute(2, 0, 1)[None]
    alpha = None
    if raster.alpha is not None:
        alpha = torch.from_numpy(np.nan_to_num(raster.part((raster.alpha,)), nan=0.0).astype(np.float32).clip(0, 1))
        alpha = alpha.permute(2, 0, 1)[None]
    return Picture(pixels.expand(-1, 3, -1, -1).contiguous(), alpha, raster.bits, raster.extras, raster.linear, raster)


def raster_of(picture: Picture) -> Raster:
    """What the file held, or for a picture that was made here, what a file of it would hold."""
    if picture.raster is not None:
        return picture.raster
    layers = [picture.pixels] if picture.alpha is None else [picture.pixels, picture.alpha]
    values = torch.cat([layer.detach().float().cpu() for layer in layers], dim=1)[0].permute(1, 2, 0).numpy()
    dtype = np.dtype(np.float32 if picture.linear else np.uint8 if picture.depth <= 8 else np.uint16)
    return Raster(
        quantized(values, dtype),
        picture.depth,
        (0, 1, 2),
        None if picture.alpha is None else 3,
        linear=picture.linear,
        extras=picture.extras,
    )


def put_back(picture: Picture, answer: Tensor) -> np.ndarray:
    """The file's values with the change from ``picture.pixels`` to ``answer`` (1 3 H W) carried into them.

    Where the two agree in every bit, so do the values: colours that sRGB cannot show, what lies hidden under an
    alpha of 0 and the last bit of a 32-bit number are not touched.
    """
    raster = raster_of(picture)
    if picture.raster is None and answer is not picture.pixels:
        made = Picture(answer, picture.alpha, picture.depth, picture.extras, picture.linear)
        return raster_of(made).values
    values = raster.values.copy()
    former, answer = picture.pixels[0].cpu(), answer[0].detach().float().cpu()
    changed = (answer != former).any(0).numpy()  # H W
    for rows in _strips(changed.shape[0], changed.shape[1]):
        here = changed[rows]
        if here.any():
            old, new = (part[:, rows].permute(1, 2, 0).numpy()[here] for part in (former, answer))
            _carry(raster, values[rows], here, old, new)
    return values


def _strips(height: int, width: int) -> Iterator[slice]:
    """Rows that are worked on at once."""
    step = max(STRIP_PIXELS // max(width, 1), 1)
    for top in range(0, height, step):
        yield slice(top, top + step)


def _carry(raster: Raster, values: np.ndarray, here: np.ndarray, old: np.ndarray, new: np.ndarray) -> None:
    """Add the change of some pixels (N 3) to the values (rows W C), in place."""
    if raster.space is not None:
        old, new = raster.space.own(old), raster.space.own(new)
    change = new.astype(np.float64) - old
    if len(raster.colour) == 1:
        change = change @ np.array(LUMA)[:, None]
    if raster.associated and raster.alpha is not None:
        change *= values[here][:, [raster.alpha]].astype(np.float64) / raster.full
    own = values[here][:, list(raster.colour)].astype(np.float64) / raster.full + change
    rows, columns = np.nonzero(here)
    for n, channel in enumerate(raster.colour):
        values[rows, columns, channel] = quantized(own[:, n], values.dtype)


def _unsigned(path: Path, raster: Raster) -> Raster:
    """Whole numbers with a sign, as some programs keep 16 bits in 32, taken for what they are."""
    values = raster.values
    if values.dtype.kind != "i":
        return raster
    colour = values[..., list(raster.colour)]
    low, high = int(colour.min()), int(colour.max())
    if values.dtype.itemsize < 4 or low < 0 or high > 0xFFFF or raster.alpha is not None:
        raise InputError(f"{path} holds whole numbers with a sign, from {low} to {high}; give 8 or 16 bits without one")
    return Raster(
        values.astype(np.uint16), 16, raster.colour, kind=raster.kind, extras=raster.extras, notes=raster.notes
    )
