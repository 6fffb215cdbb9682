"""Images a second of training: of the data path alone, of the network alone, of whole steps.

    python -m benchmarks.training [--device cpu] [--models lite full] [--sizes 128 256] [--batches 4 16]
                                  [--precisions fp32 bf16] [--threads 2] [--rounds 9] [--cpu-time] [--note TEXT]
                                  [--data TAR ...]

Steps are those of the training loop itself. The three are timed in turn, round by round, so that a busy minute hits
all of them, and medians count. With --cpu-time the process's own CPU time, divided by its threads, counts instead of
the clock's: what a CPU that other programs share would do alone. The data are made unless --data names photographs.
Adds its rows to training.json, in place of former ones alike, and writes all of them as the table of training.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F

from regharm_core import HarmonizerConfig
from regharm_core.training.data.composite_config import CompositeConfig
from regharm_core.training.data.composites import CompositeMaker
from regharm_core.training.data.photographs import STORE_SIZE, Photographs, load_photographs
from regharm_core.training.run.distributed import alone
from regharm_core.training.run.loop import _Run
from regharm_core.training.run.recipe import Phase, Recipe

from .helpers.reports import fill, load, save, table

MODELS = {
    "lite": HarmonizerConfig(width=16, gated=False, refine=(1, 1, 1, 0)),
    "full": HarmonizerConfig(),  # the paper's
}
KEY = ("device", "model", "size", "batch", "precision")
TIMED = ("data", "network", "whole")


def made_photographs(count: int = 128) -> Photographs:
    """Smooth pictures with grain and four round regions each."""
    random = torch.Generator().manual_seed(0)
    small = torch.rand(count, 3, 12, 12, generator=random) * 255
    images = F.interpolate(small, (STORE_SIZE, STORE_SIZE), mode="bicubic").clamp(0, 240)
    images = (images + 15 * torch.rand(count, 1, STORE_SIZE, STORE_SIZE, generator=random)).byte()
    ramp = torch.linspace(0, 1, STORE_SIZE)
    labels = torch.zeros(count, 1, STORE_SIZE, STORE_SIZE, dtype=torch.uint8)
    for region in range(1, 5):
        x, y, radius = (torch.rand(count, 1, 1, 1, generator=random) for _ in range(3))
        distance = (ramp - x).square() + (ramp[:, None] - y).square()
        labels[distance < (0.08 + 0.3 * radius).square()] = region
    return Photographs(images, labels)


def measure(options: argparse.Namespace, photographs: Photographs, settings: tuple[str, int, int, str]) -> dict:
    """One row: median images a second of each of the three."""
    model, size, batch, precision = settings
    device = torch.device(options.device)
    maker = CompositeMaker(photographs.to(device), CompositeConfig())
    random = torch.Generator(device).manual_seed(0)
    same = maker.batch(batch, size, random)
    repeated = SimpleNamespace(batch=lambda *_: same)  # no data path at all

    def run(source: Any) -> _Run:
        terms = {"phases": (Phase(size, batch, 1.0),), "seconds": 1e9, "bf16": precision == "bf16"}
        return _Run(Recipe(("made",), folder, MODELS[model], **terms), alone(device), source)

    with tempfile.TemporaryDirectory() as folder:
        network, whole = run(repeated), run(maker)
        calls: dict[str, Callable[[], object]] = {
            "data": lambda: maker.batch(batch, size, random),
            "network": network._advance,
            "whole": whole._advance,
        }
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for n in range(options.rounds + 1):
            for name, call in calls.items():
                began = clock(options)
                call()
                if n > 0:  # the first warms up
                    seconds[name].append(clock(options) - began)
    place = f"{device.type}, {options.threads} thread{'s' * (options.threads > 1)}"
    if device.type == "cuda":
        place = torch.cuda.get_device_name(device)
    row = dict(zip(KEY, (place, *settings), strict=True))
    row |= {name: round(batch / statistics.median(times), 2) for name, times in seconds.items()}
    print(row, flush=True)
    return row | {"torch": torch.__version__, "note": options.note}


def clock(options: argparse.Namespace) -> float:
    """Seconds, once a GPU has done what it was told."""
    if options.device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.process_time() / options.threads if options.cpu_time else time.perf_counter()


def tables(rows: list[dict]) -> str:
    """All rows as a table, and what is to be known of each device."""
    head = "device | network | >px | >batch | precision | >data path | >network | >whole step | >data's share"
    cells = [[*(row[k] for k in (*KEY, *TIMED)), f"{row['whole'] / row['data']:.0%}"] for row in rows]
    first: dict[str, dict] = {}
    for row in rows:
        first.setdefault(row["device"], row)
    notes = [f"{d}: torch {row['torch']}{'; ' if row['note'] else ''}{row['note']}." for d, row in first.items()]
    return "\n\n".join([table(head, cells), *notes])


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--batches", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--precisions", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cpu-time", action="store_true", help="count the process's CPU time")
    parser.add_argument("--note", default="", help="what the reader should know of the machine")
    parser.add_argument("--data", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    photographs = load_photographs(options.data) if options.data else made_photographs()
    rows = {tuple(row[k] for k in KEY): row for row in load("training") or []}
    for settings in product(options.models, options.sizes, options.batches, options.precisions):
        row = measure(options, photographs, settings)
        rows[tuple(row[k] for k in KEY)] = row
        save("training", list(rows.values()))
        fill("training", {"table": tables(list(rows.values()))})


if __name__ == "__main__":
    main()
