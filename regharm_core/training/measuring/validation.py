"""The averaged network measured on fixed pairs, while a run goes on."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ...errors import InputError
from ...network.face import Harmonizer
from ...pipeline import harmonize
from ..data.iharmony4 import subsets
from .metrics import mean_score, score
from .pairs import list_pairs, read_pairs
from .sheet import draw_sheet

SHOWN = 4  # pairs of each folder on the sheet


def list_kinds(folder: Path) -> list[Path]:
    """The folders of pairs to be measured: iHarmony4's four, or those with real/, composite/ and mask/.

    Raises:
        InputError: when there is none, or a pair is not complete.
    """
    if not (kinds := subsets(folder)) and folder.is_dir():
        kinds = sorted(p for p in folder.iterdir() if p.is_dir())
    if not kinds:
        raise InputError(f"{folder} holds no folders of pairs to validate on")
    for kind in kinds:
        list_pairs(kind)
    return kinds


def validate(net: Harmonizer, folder: Path, pairs: int, sheet: Path) -> dict[str, float]:
    """Measure pairs of 256 px and draw some.

    Args:
        net: in eval mode.
        folder: see :func:`list_kinds`.
        pairs: at most this many of each kind.
        sheet: before, after and truth of the first of each kind are written here, as PNG.

    Returns:
        fMSE in percent of the composite's, by kind.
    """
    device = next(net.parameters()).device
    left: dict[str, float] = {}
    shown: list[tuple[Tensor, ...]] = []
    for kind in list_kinds(folder):
        results, composites = [], []
        for n, pair in enumerate(read_pairs(kind, size=256, limit=pairs)):
            image, mask = pair.composite[None].to(device), pair.mask[None].to(device)
            answer = harmonize(net, image, mask)[0].cpu()
            results.append(score(answer, pair.real, pair.mask))
            composites.append(score(pair.composite, pair.real, pair.mask))
            if n < SHOWN:
                shown.append((pair.composite, answer, pair.real))
        left[kind.name] = round(100 * mean_score(results).fmse / max(mean_score(composites).fmse, 1e-9), 2)
    draw_sheet(shown, sheet)
    return left
