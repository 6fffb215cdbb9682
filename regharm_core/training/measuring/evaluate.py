"""The public call measured on a folder of pairs, as iHarmony4's papers do it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...network.face import Harmonizer
from ...pipeline import harmonize
from .metrics import Score, mean_score, score
from .pairs import read_pairs


def evaluate(model: Harmonizer, folder: Path, *, size: int | None = 256) -> dict[str, Any]:
    """Harmonize each pair and compare it, and the bare composite, with the truth.

    Args:
        model: from :func:`regharm_core.load_harmonizer`.
        folder: with ``real/``, ``composite/`` and ``mask/``.
        size: pairs are resized to size x size first; None keeps their own size.

    Returns:
        ``images``, ``size``, ``empty`` (names of pairs whose mask is nowhere above one half), the means
        ``composite`` and ``harmonized`` (psnr, mse, fmse) and ``per_image``.
    """
    before: list[Score] = []
    after: list[Score] = []
    names: list[str] = []
    empty: list[str] = []
    for pair in read_pairs(folder, size=size):
        try:
            answer = harmonize(model, pair.composite[None], pair.mask[None])[0]
        except InputError as error:
            raise InputError(f"pair {pair.name!r} in {folder}: {error}") from None
        before.append(score(pair.composite, pair.real, pair.mask))
        after.append(score(answer, pair.real, pair.mask))
        names.append(pair.name)
        if float(pair.mask.amax()) <= 0.5:
            empty.append(pair.name)
    rows = zip(names, before, after, strict=True)
    return {
        "images": len(names),
        "size": "full" if size is None else size,
        "empty": empty,
        "composite": asdict(mean_score(before)),
        "harmonized": asdict(mean_score(after)),
        "per_image": [{"name": n, "composite": asdict(b), "harmonized": asdict(a)} for n, b, a in rows],
    }
