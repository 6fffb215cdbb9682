"""Trust in figures: a soak, and what fuzzing found.

    python -m benchmarks.robustness [soak] [weights] [pictures] [files] [--calls 2000] [--minutes 10] [--seed 0]

Without names, every part. soak: many calls in one process, for memory, files and threads left behind. weights,
pictures: the property tests of ``tests/robustness/fuzz.py``, fed with random bytes; what is neither an answer nor one
of the project's own errors is a finding: it is raised, and its bytes lie in finding-NAME.bin. Writes robustness.json
and the tables of robustness.md; parts that were not asked for stay as they were. Seconds and minutes are the CPU's, so
that other programs on the machine do not change them.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import numpy as np
import torch

from regharm_core import RegHarmError, harmonize, load_harmonizer
from tests.robustness.fuzz import TARGETS

from .helpers.peak import resident
from .helpers.picture_files import picture_files
from .helpers.reports import fill, load, save, table

TITLES = {
    "soak": "Soak",
    "weights": "Fuzzing the weights reader",
    "pictures": "Fuzzing the way of a picture",
    "files": "Picture files",
}
Facts = dict[str, object]


def soak(calls: int) -> Facts:
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


def fuzz(name: str, minutes: float, seed: int) -> Facts:
    """Feed a target for some minutes; returns what happened."""
    rng, seconds, said, answers = random.Random(seed), [0.0], [""], 0
    torch.set_num_threads(1)

    def attempt(work: Callable[[], object]) -> None:
        nonlocal answers
        began = time.process_time()
        try:
            work()
            answers += 1
        except RegHarmError as error:
            said.append(str(error))
        seconds.append(time.process_time() - began)

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        feed = TARGETS[name](Path(folder), attempt).hypothesis.fuzz_one_input
        until = time.process_time() + 60 * minutes
        while time.process_time() < until:
            data = rng.randbytes(rng.randrange(8, 2000))
            try:
                feed(data)
            except BaseException:
                Path(f"finding-{name}.bin").write_bytes(data)
                raise
    return {
        "CPU minutes": minutes,
        "seed": seed,
        "answers": answers,
        "clear errors": len(said) - 1,
        "anything else": 0,  # it would have been raised
        "characters of the longest message": max(map(len, said)),
        "CPU seconds of the slowest input": round(max(seconds), 3),
    }


def section(name: str, facts: Facts) -> str:
    """A part as Markdown."""
    made = table("what | figure", facts.items())
    return f"## {TITLES[name]}\n\n`python -m benchmarks.robustness {name}`\n\n{made}"


def main() -> None:
    """Run the parts that are asked for, the soak first, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(TITLES))
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if unknown := set(options.parts) - set(TITLES):
        parser.error(f"unknown parts {sorted(unknown)}; known are {list(TITLES)}")
    for name in (name for name in TITLES if name in options.parts or not options.parts):
        ways = {"soak": lambda: soak(options.calls), "files": picture_files}
        facts = ways.get(name, partial(fuzz, name, options.minutes, options.seed))()
        facts["made on"] = datetime.now(timezone.utc).date().isoformat()
        print(name, facts, flush=True)
        parts = (load("robustness") or {}) | {name: facts}
        save("robustness", parts)
        fill("robustness", {"tables": "\n\n".join(section(n, parts[n]) for n in TITLES if n in parts)})


if __name__ == "__main__":
    main()
