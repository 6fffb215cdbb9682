"""Trust in figures: broken weights files timed, a soak, and what fuzzing found.

    python -m benchmarks.robustness [--calls 2000] [--minutes 10]

Writes robustness.md beside this file. Each part runs in a process of its own, so that its memory is its own.
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
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from regharm_core import CheckpointError, harmonize, load_harmonizer
from regharm_core.checkpoint import load_network
from regharm_core.files import replacing
from regharm_core.pipeline import default_weights
from tests.robustness.corpus import good_file, malformed, mutated

from .peak import Peak, resident

MIB = 1 << 20


def broken_files() -> dict[str, object]:
    """The corpus, and 2,000 seeded flips and splices of the bundled weights: slowest, and highest memory."""
    torch.set_num_threads(1)
    bundled = default_weights().read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "given.safetensors"
        load_network(good_file(Path(folder)))  # what is imported and cached on first use
        corpus = [data for _, data in malformed(good_file(Path(folder)).read_bytes())]
        loaded, slowest, highest = 0, 0.0, 0.0
        for data in chain(corpus, mutated(bundled, 2000, 0)):
            path.write_bytes(data)
            began = time.monotonic()
            with Peak() as peak:
                try:
                    load_network(path)
                    loaded += 1
                except CheckpointError:
                    pass
            highest = max(highest, peak.grown)
            slowest = max(slowest, time.monotonic() - began)
    return {
        "malformed": len(corpus),
        "mutated": 2000,
        "of them valid": loaded,
        "slowest seconds": round(slowest, 3),
        "largest file, MiB": round(len(bundled) / MIB, 2),
        "highest memory of one load, MiB": round(highest, 2),
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
    began = time.monotonic()
    for n in range(calls):
        call()
        if n % 20 == 19:
            memory.append((n + 1, resident()))
    x, y = np.array(memory).T
    return {
        "calls": calls,
        "seconds": round(time.monotonic() - began),
        "MiB at the start": round(float(y[:5].mean()), 1),
        "MiB at the end": round(float(y[-5:].mean()), 1),
        "slope, MiB per 1,000 calls": round(float(np.polyfit(x, y, 1)[0]) * 1000, 2),
        "slope of the second half": round(float(np.polyfit(x[len(x) // 2 :], y[len(x) // 2 :], 1)[0]) * 1000, 2),
        "files left open": len(os.listdir("/proc/self/fd")) - files,
        "threads left": threading.active_count() - threads,
    }


def report(parts: list[tuple[str, dict[str, object]]]) -> str:
    """The parts as Markdown."""
    lines = ["# Robustness", "", "Made by `python -m benchmarks.robustness` (two CPU cores).", ""]
    for title, facts in parts:
        lines += [f"## {title}", "", "| what | figure |", "| --- | --- |"]
        lines += [f"| {name} | {value} |" for name, value in facts.items()] + [""]
    return "\n".join(lines)


def in_process(*arguments: str) -> dict[str, object]:
    """The JSON that a module of this project prints, run on its own."""
    done = subprocess.run([sys.executable, "-m", *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Run every part and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--part", choices=["broken", "soak"])
    options = parser.parse_args()
    if options.part is not None:
        print(json.dumps(broken_files() if options.part == "broken" else soak(options.calls)))
        return
    here, minutes = "benchmarks.robustness", str(options.minutes)
    jobs = {
        "Broken weights files": (here, "--part", "broken"),
        "Soak": (here, "--part", "soak", "--calls", str(options.calls)),
        "Fuzzing the weights reader": ("benchmarks.fuzz", "weights", "--minutes", minutes),
        "Fuzzing the way of a picture": ("benchmarks.fuzz", "pictures", "--minutes", minutes),
    }
    with ThreadPoolExecutor(2) as pool:  # each waits for a process; two at a time
        found = list(pool.map(lambda job: in_process(*job), jobs.values()))
    parts = list(zip(jobs, found, strict=True))
    with replacing(Path(__file__).with_suffix(".md")) as temporary:
        temporary.write_text(report(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
