"""A file of the corpus: who writes it, what it holds, and how near to that it is read and given back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from regharm_core import HarmonizerConfig, HarmonizerNet, InputError, save_checkpoint
from regharm_core.cli import main
from regharm_core.media.formats import written_name
from regharm_core.media.raster import Raster, full_scale
from regharm_core.media.reading import read_picture, read_raster

HEIGHT, WIDTH = 40, 56


@dataclass(frozen=True)
class Row:
    """One file.

    Attributes:
        what: the kind of file, in words.
        writer: the library that writes it.
        file: its name.
        write: writes it to a path and returns its values as they are to be read: H W C, upright, of the type that
            they have in the file, the colour first and then the alpha. None where it is to be refused.
        refused: part of the line that refuses it.
        steps: of its own depth, by which a lossy format may be off.
        associated: the colour is multiplied by the alpha.
        shown: the colour as the network is to see it, from what was read, where that is not simply the values.
    """

    what: str
    writer: str
    file: str
    write: Callable[[Path], np.ndarray | None]
    refused: str = ""
    steps: float = 0.0
    associated: bool = False
    shown: Callable[[np.ndarray], np.ndarray] | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a row: steps of its own depth off when read, and when given back; or the line that refused."""

    read: float = 0.0
    back: float = 0.0
    line: str = ""


def scene(dtype: Any = np.uint8, channels: int = 3) -> np.ndarray:
    """H W C: slopes and a little noise, so that neither a turn nor a swapped channel goes unseen."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / HEIGHT
    noise = np.random.default_rng(0).random((HEIGHT, WIDTH, 4)) * 0.04
    layers = np.stack([0.2 + 0.5 * x, 0.3 + 0.4 * y, 0.75 - 0.3 * x, 0.9 - 0.8 * y], axis=-1) + noise
    layers = layers[..., [0, 3]] if channels == 2 else layers[..., :channels]
    if np.dtype(dtype).kind == "f":
        return (layers * 3 - 0.5).astype(dtype)  # below 0 and beyond 1
    return (layers.clip(0, 1) * np.iinfo(dtype).max).astype(dtype)


def turned(values: np.ndarray, orientation: int) -> np.ndarray:
    """Upright values as they lie in a file that states an orientation, by Pillow's own tables."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)
    if undo is None:
        return values
    places = np.arange(values.shape[0] * values.shape[1], dtype=np.int32).reshape(values.shape[:2])
    return values.reshape(-1, values.shape[2])[np.asarray(Image.fromarray(places).transpose(undo))]


def outcome(row: Row, folder: Path) -> Outcome:
    """Write a row's file, read it, and give it back through the shell with strength 0."""
    path, mask, weights = folder / row.file, folder / "mask.png", folder / "net.safetensors"
    values = row.write(path)
    try:
        picture = read_picture(path)
    except InputError as error:
        return Outcome(line=str(error).replace(str(path), row.file))
    assert values is not None, f"{row.what} was to be refused"
    raster = picture.raster
    assert raster is not None
    assert raster.associated == row.associated, f"{row.what}: its alpha is taken for another kind"
    held = of_file(raster)
    if held.shape != values.shape or held.dtype != values.dtype:
        raise AssertionError(
            f"{row.what}: {held.shape} {held.dtype} was read, {values.shape} {values.dtype} was written"
        )
    shown = picture.pixels[0].permute(1, 2, 0).numpy()
    wanted = row.shown(held) if row.shown else straight(held, raster) / full_scale(held.dtype)
    assert np.allclose(shown, wanted, atol=0.002, rtol=0.002), f"{row.what} is shown as something else"
    if not weights.exists():
        torch.manual_seed(0)
        net = HarmonizerNet(HarmonizerConfig(width=1, refine=(0, 0, 0, 0), gated=False, view=64))
        torch.nn.init.normal_(net.head.weight, std=0.3)
        save_checkpoint(net.eval(), weights, facts={})
    drawn = np.zeros(held.shape[:2], np.uint8)
    drawn[10:30, 10:25] = 255
    Image.fromarray(drawn).save(mask)
    out = folder / ("out_" + written_name(path))
    options = ["-o", str(out), "--weights", str(weights), "--strength", "0", "--device", "cpu"]
    assert main(["harmonize", str(path), str(mask), *options]) == 0, row.what
    back = read_raster(out)
    assert back.bits >= raster.bits and back.floating == raster.floating, f"{row.what} lost its depth"
    return Outcome(apart(held, values, raster.bits), apart(of_file(back), held, raster.bits))


def of_file(raster: Raster) -> np.ndarray:
    """The colour, then the alpha, as they are stored."""
    alpha = () if raster.alpha is None else (raster.alpha,)
    return raster.values[..., [*raster.colour, *alpha]]


def straight(held: np.ndarray, raster: Raster) -> np.ndarray:
    """The colour without its alpha, pixel by pixel."""
    colour = held[..., : len(raster.colour)].astype(np.float64)
    if raster.associated:
        alpha = held[..., -1] / full_scale(held.dtype)
        for y, x in zip(*np.nonzero(alpha), strict=True):
            colour[y, x] /= alpha[y, x]
    return colour


def apart(one: np.ndarray, other: np.ndarray, bits: int) -> float:
    """How many steps of a depth the values of two pictures differ at most; of floating point numbers, of 16 bits."""
    scale = full_scale(other.dtype) / (2 ** (16 if other.dtype.kind == "f" else bits) - 1)
    if one.shape[2] == 3 and other.shape[2] == 1:
        other = np.repeat(other, 3, axis=-1)
    assert one.shape == other.shape and one.dtype == other.dtype, (one.shape, one.dtype, other.shape, other.dtype)
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max() / scale)
