"""The averaged network on fixed pairs, while a run goes on."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..pipeline import harmonize
from ..unet import HarmonizerNet
from .metrics import mean_score, score
from .pairs import read_pairs
from .sheet import draw_sheet

SHOWN = 4  # pairs of each folder on the sheet


def validate(net: HarmonizerNet, folder: Path, pairs: int, sheet: Path) -> dict[str, float]:
    """Measure pairs of 256 px and draw some.

    Args:
        net: in eval mode.
        folder: holds one folder of pairs (real/, composite/, mask/) a kind.
        pairs: at most this many of each kind.
        sheet: before, after and truth of the first of each kind are written here, as PNG.

    Returns:
        fMSE in percent of the composite's, by kind.
    """
    device = next(net.parameters()).device
    left: dict[str, float] = {}
    shown: list[tuple[Tensor, ...]] = []
    for kind in sorted(p for p in folder.iterdir() if p.is_dir()):
        results, composites = [], []
        for n, pair in enumerate(read_pairs(kind, size=256)):
            if n >= pairs:
                break
            image, mask = pair.composite[None].to(device), pair.mask[None].to(device)
            answer = harmonize(net, image, mask)[0].cpu()
            results.append(score(answer, pair.real, pair.mask))
            composites.append(score(pair.composite, pair.real, pair.mask))
            if n < SHOWN:
                shown.append((pair.composite, answer, pair.real))
        left[kind.name] = round(100 * mean_score(results).fmse / max(mean_score(composites).fmse, 1e-9), 2)
    draw_sheet(shown, sheet)
    return left
