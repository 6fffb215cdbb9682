"""What the network does where little or nothing is to be done, beside what it does where much is, in one run.

    python -m benchmarks.restraint PAIRS_FOLDER [--weights W ...] [--pairs-a-kind N]

PAIRS_FOLDER holds one folder of pairs (real/, composite/, mask/) a kind, or is iHarmony4. Each picture is harmonized at
256 px as it is, again (a second run over the first's result), with a quarter of its mismatch, and with none. Writes the
table of restraint.md.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import torch
from torch import Tensor

from regharm_core import Harmonizer, harmonize, load_harmonizer
from regharm_core.pipeline import default_weights
from regharm_core.training.measuring.metrics import score
from regharm_core.training.measuring.pairs import Pair, read_pairs
from regharm_core.training.measuring.validation import list_kinds

from .helpers.reports import fill, load, save, table

COLUMNS = {
    "left": "left",
    "worse": "made worse",
    "seen": "change, median",
    "second": "second run",
    "quarter": "a quarter",
    "real": "nothing, dB",
}


def look(model: Harmonizer, pair: Pair) -> dict[str, float]:
    """One pair's errors and changes, mean squares over the foreground in 8-bit values, and dB."""

    def answer(picture: Tensor) -> Tensor:
        return harmonize(model, picture[None], pair.mask[None])[0]

    def apart(one: Tensor, other: Tensor) -> float:
        return score(one, other, pair.mask).fmse

    first, slight = answer(pair.composite), pair.real + (pair.composite - pair.real) / 4
    return {
        "before": apart(pair.composite, pair.real),
        "after": apart(first, pair.real),
        "change": apart(first, pair.composite),
        "again": apart(answer(first), first),
        "slight before": apart(slight, pair.real),
        "slight after": apart(answer(slight), pair.real),
        "real": score(answer(pair.real), pair.real, pair.mask).psnr,
    }


def measure(model: Harmonizer, folder: Path, limit: int | None) -> dict[str, str]:
    """A kind's row."""
    found = [look(model, pair) for pair in read_pairs(folder, size=256, limit=limit)]

    def mean(name: str) -> float:
        return sum(one[name] for one in found) / len(found)

    return {
        "left": f"{100 * mean('after') / mean('before'):.1f} %",
        "worse": f"{100 * sum(one['after'] > one['before'] for one in found) / len(found):.0f} %",
        "seen": f"{statistics.median(one['change'] for one in found) ** 0.5:.1f}",
        "second": f"{100 * (mean('again') / max(mean('change'), 1e-9)) ** 0.5:.0f} %",
        "quarter": f"{mean('slight after') / mean('slight before'):.2f}",
        "real": f"{mean('real'):.1f}",
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--weights", type=Path, nargs="+", help="default: the bundled ones")
    parser.add_argument("--pairs-a-kind", type=int, help="default: all")
    options = parser.parse_args()
    torch.set_num_threads(1)
    kept = load("restraint") or {}
    for path in options.weights or [default_weights()]:
        model = load_harmonizer(path)
        kinds = list_kinds(options.pairs)
        kept[path.stem] = {kind.name: measure(model, kind, options.pairs_a_kind) for kind in kinds}
        print(path.stem, kept[path.stem], flush=True)
    save("restraint", kept)
    rows = [(name, kind, *(row[key] for key in COLUMNS)) for name, kinds in kept.items() for kind, row in kinds.items()]
    fill("restraint", {"table": table(" | ".join(["weights", "pairs", *(f">{n}" for n in COLUMNS.values())]), rows)})


if __name__ == "__main__":
    main()
