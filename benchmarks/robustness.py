"""Trust in figures: broken weights files timed, a soak, and what fuzzing found.

    python -m benchmarks.robustness [broken] [soak] [weights] [pictures] [--calls 2000] [--minutes 10]

Without names, every part. Writes robustness.json and robustness.md beside this file; parts that were not asked
for stay as they were. Each part runs in a process of its own, so that its memory is its own. Seconds are the
CPU's, so that what else the machine does leaves no trace in them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from regharm_core import CheckpointError, harmonize, load_harmonizer
from regharm_core.pipeline import default_weights
from regharm_core.store.checkpoint import load_network
from regharm_core.store.files import replacing
from tests.robustness.corpus import good_file, malformed, mutated
from tests.robustness.limits import measured

from .peak import resident

MIB = 1 << 20
TITLES = {
    "broken": "Broken weights files",
    "soak": "Soak",
    "weights": "Fuzzing the weights reader",
    "pictures": "Fuzzing the way of a picture",
}


def broken_files() -> dict[str, object]:
    """The corpus, and 2,000 seeded flips and splices of the bundled weights: slowest, and highest memory."""
    torch.set_num_threads(1)
    bundled = default_weights().read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "given.safetensors"
        load_network(good_file(Path(folder)))  # what is imported and cached on first use
        corpus = [data for _, data in malformed(good_file(Path(folder)).read_bytes())]
        loaded, slowest, highest, beyond = 0, 0.0, 0, 0

        def load() -> None:
            nonlocal loaded
            try:
                load_network(path)
                loaded += 1
            except CheckpointError:
                pass

        for data in chain(corpus, mutated(bundled, 2000, 0)):
            path.write_bytes(data)
            seconds, grown = measured(load)
            slowest, highest, beyond = max(slowest, seconds), max(highest, grown), max(beyond, grown - 2 * len(data))
    return {
        "malformed files": len(corpus),
        "flips and splices of the bundled weights": 2000,
        "of them valid": loaded,
        "CPU seconds of the slowest": round(slowest, 3),
        "bundled weights, MiB": round(len(bundled) / MIB, 2),
        "highest memory of one load, MiB": round(highest / MIB, 2),
        "highest memory beyond twice the file, MiB": round(beyond / MIB, 2),
    }


def soak(calls: int) -> dict[str, object]:
    """Mixed sizes and masks in one process: memory against calls, files and threads left behind."""
    torch.set_num_threads(2)
    rng, model = random.Random(0), load_harmonizer()
    generator = torch.Generator().manual_seed(0)
    memory: list[tuple[int, float]] = []

    def call() -> None:
        height, width, batch = rng.randrange(16, 700), rng.randrange(16, 700), rng.choice((1, 1, 1, 2))
        image = torch.rand(batch, 3, height, width, generator=generator)
        mask = torch.zeros(batch, 1, height, width)
        kind = rng.randrange(6)
        if kind == 0:
            mask = torch.rand(batch, 1, height, width, generator=generator)
        elif kind < 5:
            top, left = rng.randrange(height), rng.randrange(width)
            mask[..., top : top + rng.randrange(1, height), left : left + rng.randrange(1, width)] = 1
        reference = (1 - mask) * (torch.rand(mask.shape, generator=generator) > 0.5) if rng.random() < 0.2 else None
        context = rng.choice((None, 1.6, 1.6, 3.0))
        harmonize(model, image, mask, reference_mask=reference, context=context, shared=rng.random() < 0.1)

    for _ in range(100):
        call()  # allocators and thread pools settle
    files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    began = time.process_time()
    for n in range(calls):
        call()
        if n % 20 == 19:
            memory.append((n + 1, resident()))
    x, y = np.array(memory).T
    return {
        "calls": calls,
        "CPU seconds": round(time.process_time() - began),
        "MiB at the start": round(float(y[:5].mean()), 1),
        "MiB at the end": round(float(y[-5:].mean()), 1),
        "slope, MiB per 1,000 calls": round(float(np.polyfit(x, y, 1)[0]) * 1000, 2),
        "slope of the second half": round(float(np.polyfit(x[len(x) // 2 :], y[len(x) // 2 :], 1)[0]) * 1000, 2),
        "files left open": len(os.listdir("/proc/self/fd")) - files,
        "threads left": threading.active_count() - threads,
    }


def report(parts: dict[str, dict[str, object]]) -> str:
    """The parts as Markdown."""
    lines = ["# Robustness", "", "Made by `python -m benchmarks.robustness` on a CPU. Seconds are the CPU's.", ""]
    for name, title in TITLES.items():
        if name in parts:
            lines += [f"## {title}", "", f"`python -m benchmarks.robustness {name}`", "", "| what | figure |"]
            lines += ["| --- | --- |"] + [f"| {what} | {value} |" for what, value in parts[name].items()] + [""]
    return "\n".join(lines)


def in_process(*arguments: str) -> dict[str, object]:
    """The JSON that a module of this project prints, run on its own."""
    done = subprocess.run([sys.executable, "-m", *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Run the parts that are asked for and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(TITLES))
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--here", choices=["broken", "soak"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here is not None:
        print(json.dumps(broken_files() if options.here == "broken" else soak(options.calls)))
        return
    if unknown := set(options.parts) - set(TITLES):
        parser.error(f"unknown parts {sorted(unknown)}; known are {list(TITLES)}")
    here, minutes = "benchmarks.robustness", str(options.minutes)
    jobs = {
        "broken": (here, "--here", "broken"),
        "soak": (here, "--here", "soak", "--calls", str(options.calls)),
        "weights": ("benchmarks.fuzz", "weights", "--minutes", minutes),
        "pictures": ("benchmarks.fuzz", "pictures", "--minutes", minutes),
    }
    for name in options.parts or TITLES:
        facts = in_process(*jobs[name]) | {"made on": datetime.now(timezone.utc).date().isoformat()}
        kept = Path(__file__).with_suffix(".json")
        parts = (json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}) | {name: facts}
        with replacing(kept) as temporary:
            temporary.write_text(json.dumps(parts, indent=1) + "\n", encoding="utf-8")
        with replacing(kept.with_suffix(".md")) as temporary:
            temporary.write_text(report(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
