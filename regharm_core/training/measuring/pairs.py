"""Fixed pairs: ``real/``, ``composite/`` and ``mask/`` with the same file stems, or iHarmony4's test lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ...errors import InputError
from ...media.folders import Partners, pictures_in
from ...media.masks import read_mask
from ...media.reading import read_picture
from ...media.small import squeeze
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
    kinds: dict[str, list[Path]] = {}
    for kind in ("composite", "mask", "real"):
        if not (folder / kind).is_dir():
            raise InputError(f"{folder} holds no folder {kind}/; wanted real/, composite/ and mask/")
        kinds[kind] = pictures_in(folder / kind)
    if not kinds["composite"]:
        raise InputError(f"{folder / 'composite'} holds no pictures")
    masks, reals = (Partners(kinds[kind], folder / kind) for kind in ("mask", "real"))
    return [(path.stem, path, masks.mask_of(path), reals.real_of(path)) for path in kinds["composite"]]


def read_pairs(folder: Path, *, size: int | None = None, limit: int | None = None) -> Iterator[Pair]:
    """Read a folder of pairs, squeezed to ``size`` x ``size`` (bilinear, 8 bits) where it is given.

    If there are more than ``limit`` pairs, only that many are read, evenly spread over the list.

    Raises:
        InputError: when a file is missing, is no picture, or a pair's sizes differ.
    """
    pairs = list_pairs(folder)
    if limit is not None and limit < len(pairs):
        pairs = [pairs[n * len(pairs) // limit] for n in range(limit)]
    for stem, *paths in pairs:
        try:
            composite, real = (read_picture(path).display[0] for path in (paths[0], paths[2]))
            mask = read_mask(paths[1], (composite.shape[1], composite.shape[2]))[0]
        except InputError as error:
            raise InputError(f"a picture of pair {stem!r} in {folder} cannot be used: {error}") from None
        if size is not None:
            composite, mask, real = (squeeze(part, size).float() / 255 for part in (composite, mask, real))
        if composite.shape != real.shape:
            given, wanted = (f"{part.shape[2]} x {part.shape[1]}" for part in (composite, real))
            raise InputError(f"sizes of pair {stem!r} differ: composite {given}, real {wanted} px")
        yield Pair(stem, composite, mask, real)
