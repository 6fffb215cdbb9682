"""Which pictures are photographs that teach something about colours, made small."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

LEAST_SIDE, LONGEST = 190, 2.6  # px, and the ratio of the sides
LEAST_COLOUR, LEAST_CONTRAST = 3.0, 18.0  # 8-bit values
WHITE, FRAME = 247, 0.75  # a product on white: so much of the rim is that light
COLOURS = 600  # of 6 bits a channel in 96 x 96 px; a drawing or a diagram has fewer
ALIKE = 5  # of 64 signs of differences: fewer that differ mean the same picture
KINDS = {".jpg", ".jpeg", ".png", ".webp"}


def small_picture(file: Path | io.BytesIO, side: int) -> Image.Image | None:
    """A picture, its short side reduced to ``side`` px where it is longer; None where it is small or very long.

    Raises:
        OSError, ValueError, SyntaxError, Image.DecompressionBombError: when it cannot be read.
    """
    picture = Image.open(file)
    if min(picture.size) < LEAST_SIDE or max(picture.size) > LONGEST * min(picture.size):
        return None
    ratio = side / min(picture.size)
    picture.draft("RGB", (int(picture.width * ratio * 1.3), int(picture.height * ratio * 1.3)))
    picture = picture.convert("RGB")
    ratio = side / min(picture.size)
    if ratio >= 1:
        return picture
    size = (max(side, round(picture.width * ratio)), max(side, round(picture.height * ratio)))
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def is_photograph(picture: Image.Image) -> bool:
    """Whether it has colours and contrast, and is no drawing and no product on white."""
    pixels = np.asarray(picture.resize((64, 64)), np.float32)
    if np.abs(pixels - pixels.mean(2, keepdims=True)).mean() < LEAST_COLOUR or pixels.std() < LEAST_CONTRAST:
        return False
    whole = np.asarray(picture)
    rim = np.concatenate([part.reshape(-1, 3) for part in (whole[:4], whole[-4:], whole[:, :4], whole[:, -4:])])
    if (rim.min(1) > WHITE).mean() > FRAME:
        return False
    few = np.asarray(picture.resize((96, 96), Image.Resampling.NEAREST)).astype(np.int32) >> 2
    return len(np.unique(few @ np.array([1, 64, 4096]))) > COLOURS


def signs(picture: Image.Image) -> np.ndarray:
    """64 signs by which a picture is known again: whether each of 8 x 8 cells is lighter than its left neighbour."""
    cells = np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.BOX), np.int16)
    return (cells[:, 1:] > cells[:, :-1]).reshape(-1)


def signs_of_all(folders: Iterable[Path]) -> np.ndarray:
    """The signs of every picture in the folders, N 64."""
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix.lower() in KINDS]
    return np.array([signs(Image.open(path)) for path in files], bool).reshape(-1, 64)


def looks_like(picture: np.ndarray, others: np.ndarray) -> bool:
    """Whether a picture's signs, 64, are nearly those of one of the others, N 64."""
    return bool(((picture != others).sum(1) <= ALIKE).any())
