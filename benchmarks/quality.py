"""Quality on folders of pairs: composite, classical methods and our weights, in one run on the same images.

    python -m benchmarks.quality PAIRS_FOLDER [--weights W ...] [--sheets FOLDER]

PAIRS_FOLDER holds one folder of pairs (real/, composite/, mask/) a kind, or is iHarmony4. Writes the tables of
quality.md. With --sheets it also draws before, after and truth of every pair, from the best result of the last weights
to the worst. Sheets show the pairs' photographs, so they are not kept here.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from torch import Tensor

from regharm_core import harmonize, load_harmonizer
from regharm_core.pipeline import default_weights
from regharm_core.training.measuring.metrics import Score, mean_score, score
from regharm_core.training.measuring.pairs import read_pairs
from regharm_core.training.measuring.sheet import draw_sheet
from regharm_core.training.measuring.validation import list_kinds

from .helpers.classical import METHODS, Method
from .helpers.reports import fill, table


def measure(folder: Path, size: int | None, methods: dict[str, Method], sheet: Path | None = None) -> str:
    """Mean scores by method, as a table; ``size`` None keeps the pairs' own size."""
    scores: dict[str, list[Score]] = {name: [] for name in methods}
    shown: list[tuple[float, tuple[Tensor, ...]]] = []
    for pair in read_pairs(folder, size=size):
        answer = pair.composite
        for name, method in methods.items():
            answer = method(pair.composite[None], pair.mask[None])[0]
            scores[name].append(score(answer, pair.real, pair.mask))
        first, last = scores["composite"][-1], list(scores.values())[-1][-1]
        if sheet is not None:
            shown.append((last.fmse / max(first.fmse, 1e-9), (pair.composite, answer, pair.real)))
    if sheet is not None:
        draw_sheet([pictures for _, pictures in sorted(shown, key=lambda row: row[0])], sheet, columns=3)
    means = {name: mean_score(some) for name, some in scores.items()}
    base = means["composite"].fmse
    rows = [
        (name, f"{s.psnr:.2f}", f"{s.mse:.1f}", f"{s.fmse:.1f}", f"{100 * s.fmse / base:.1f} %")
        for name, s in means.items()
    ]
    return table("method | >PSNR | >MSE | >fMSE | >left", rows)


def harm(folder: Path, method: Method) -> str:
    """What the method does to pictures that need nothing: the real image as its own composite."""
    pairs = read_pairs(folder, size=256)
    kept = [score(method(p.real[None], p.mask[None])[0], p.real, p.mask).psnr for p in pairs]
    mean = sum(kept) / len(kept)
    return f"The real pictures given as composites come back at {mean:.2f} dB of themselves on average (256)."


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--weights", type=Path, nargs="+", default=[], help="default: the bundled ones")
    parser.add_argument("--sheets", type=Path)
    options = parser.parse_args()
    weights = options.weights or [default_weights()]
    methods = METHODS | {path.stem: partial(harmonize, load_harmonizer(path)) for path in weights}
    if options.sheets is not None:
        options.sheets.mkdir(parents=True, exist_ok=True)
    parts: list[str] = []
    for folder in list_kinds(options.pairs):
        sheet = None if options.sheets is None else options.sheets / f"{folder.name}.png"
        parts.append(f"## {folder.name}, 256\n\n{measure(folder, 256, methods)}")
        parts.append(f"## {folder.name}, own size\n\n{measure(folder, None, methods, sheet)}")
        parts.append(harm(folder, list(methods.values())[-1]))
        print("\n\n".join(parts[-3:]), flush=True)
    fill("quality", {"tables": "\n\n".join(parts)})


if __name__ == "__main__":
    main()
