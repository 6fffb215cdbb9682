"""Fixed pairs: ``real/``, ``composite/`` and ``mask/`` with the same file stems, or iHarmony4's test lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...errors import InputError
from ..data.iharmony4 import is_iharmony4, list_iharmony4


@dataclass(frozen=True)
class Pair:
    """One composite with its mask and its truth: 3 H W, 1 H W, 3 H W in [0, 1]."""

    name: str
    composite: Tensor
    mask: Tensor
    real: Tensor


def list_pairs(folder: Path) -> list[tuple[str, Path, Path, Path]]:
    """(stem, composite, mask, real) of each pair, in the order of the stems, or of iHarmony4's test lists.

    Raises:
        InputError: when a folder is missing or a composite has no mask or no truth.
    """
    if is_iharmony4(folder):
        return list_iharmony4(folder, "test")
    kinds: dict[str, dict[str, Path]] = {}
    for kind in ("composite", "mask", "real"):
        if not (folder / kind).is_dir():
            raise InputError(f"{folder} holds no folder {kind}/; wanted real/, composite/ and mask/")
        kinds[kind] = {p.stem: p for p in sorted((folder / kind).iterdir()) if not p.name.startswith(".")}
    if not kinds["composite"]:
        raise InputError(f"{folder / 'composite'} holds no pictures")
    found: list[tuple[str, Path, Path, Path]] = []
    for stem, composite in kinds["composite"].items():
        for kind in ("mask", "real"):
            if stem not in kinds[kind]:
                raise InputError(f"{composite} has no partner {folder / kind / stem}.*")
        found.append((stem, composite, kinds["mask"][stem], kinds["real"][stem]))
    return found


def read_pairs(folder: Path, *, size: int | None = None, limit: int | None = None) -> Iterator[Pair]:
    """Read a folder of pairs, resized to ``size`` x ``size`` (bilinear) where it is given.

    If there are more than ``limit`` pairs, only that many are read, evenly spread over the list.

    Raises:
        InputError: when a file is missing, is no picture, or a pair's sizes differ.
    """
    pairs = list_pairs(folder)
    if limit is not None and limit < len(pairs):
        pairs = [pairs[n * len(pairs) // limit] for n in range(limit)]
    for stem, *paths in pairs:
        try:
            composite, mask, real = (
                Image.open(p).convert(mode) for p, mode in zip(paths, ("RGB", "L", "RGB"), strict=True)
            )
        except Exception as error:  # decoders raise anything at all on a broken file
            raise InputError(f"a picture of pair {stem!r} in {folder} cannot be read: {error}") from None
        if size is not None:
            box = (size, size)
            composite, mask, real = (p.resize(box, Image.Resampling.BILINEAR) for p in (composite, mask, real))
        if not composite.size == mask.size == real.size:
            raise InputError(f"sizes of pair {stem!r} differ: {composite.size}, {mask.size}, {real.size}")
        yield Pair(stem, _tensor(composite), _tensor(mask), _tensor(real))


def _tensor(picture: Image.Image) -> Tensor:
    values = torch.from_numpy(np.array(picture)).float() / 255
    return values[None] if values.ndim == 2 else values.permute(2, 0, 1)
