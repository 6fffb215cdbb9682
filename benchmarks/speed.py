"""Seconds and memory beside what people have, side by side in one run.

    python -m benchmarks.speed [--sizes 256 1024 2048 4096] [--batches 1 8] [--threads 2] [--rounds 5]
                               [--weights FILE ...] [--places cpu cuda:fp16 ...] [--rival NAME=PATH ...]

Needs color-matcher, opencv-python-headless and matplotlib. Every round times every method once, so that a busy minute
hits all of them, and the median over the rounds counts. Of rounds longer than 20 s there are two, of those under 1 s
fifteen. The foreground is a disc of a quarter of the picture. Without --places: the CPU, and CUDA in fp16 where there
is one. --rival names a Python file with ``harmonize(picture, mask)``, an adapter to somebody's public code.
Writes the tables of speed.md, speed.json and speed.png.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from regharm_core.pipeline import default_weights

from .helpers.methods import Call, color_matcher, ours, rival, seamless_clone
from .helpers.peak import Peak
from .helpers.reports import PICTURES, fill, save, table

Row = dict[str, Any]  # method, side, batch, seconds, MiB
YARDSTICK = "color-matcher MKL"
SHORT, LONG = 1.0, 20.0  # seconds of a round
MANY = 15  # rounds where they are short: with three, the ratio at 256 px was 7 or 12 by chance
REST = 0.25  # seconds


def scene(side: int, batch: int) -> tuple[Tensor, Tensor]:
    """Random smooth pictures with a disc of a quarter of their area as foreground."""
    small = torch.rand(batch, 3, 32, 32, generator=torch.Generator().manual_seed(side))
    image = torch.nn.functional.interpolate(small, (side, side), mode="bicubic").clamp_(0, 1)
    ramp = torch.linspace(-1, 1, side)
    disc = (ramp[:, None].square() + ramp.square() < 1 / torch.pi).float()
    return image, disc.expand(batch, 1, side, side).contiguous()


def timed(call: Call, image: Tensor, mask: Tensor) -> float:
    """Seconds of one call, after a rest and after a call that is not counted.

    OpenBLAS's threads stay busy for a tenth of a second after NumPy's products, and what runs beside them takes twice
    as long. The call that is not counted maps the memory and fills the caches. One of more than a second needs none.
    """
    time.sleep(REST)
    for _ in range(2):
        began = time.perf_counter()
        call(image, mask)
        if (spent := time.perf_counter() - began) > 1:
            break
    return spent


def memory(call: Call, image: Tensor, mask: Tensor) -> float:
    """MiB that a call takes beside its pictures, on the device it works on."""
    used = torch.cuda.is_available()
    if used:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    with Peak() as peak:
        call(image, mask)
    grown = (torch.cuda.max_memory_allocated() - before) / (1 << 20) if used else 0.0
    return grown or peak.grown


def measure(calls: dict[str, Call], side: int, batch: int, rounds: int) -> list[Row]:
    """One row a method: median seconds, memory of its own."""
    image, mask = scene(side, batch)
    small = scene(64, 1)
    began = time.perf_counter()
    held: dict[str, float] = {}
    for name, call in calls.items():
        call(*small)  # what is loaded or compiled once
        held[name] = memory(call, image, mask)
    first = time.perf_counter() - began
    rounds = max(rounds, MANY) if first < SHORT else rounds if first < LONG else min(rounds, 2)
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            spent[name].append(timed(call, image, mask))
    here = {"side": side, "batch": batch}
    rows = [{"method": n, **here, "seconds": statistics.median(times), "MiB": held[n]} for n, times in spent.items()]
    print(*rows, sep="\n", flush=True)
    return rows


def tables(rows: list[Row]) -> str:
    """Seconds and memory, then seconds as multiples of the yardstick's: a column a size, two tables a batch."""
    parts: list[str] = []
    for batch in dict.fromkeys(row["batch"] for row in rows):
        found = {(row["method"], row["side"]): row for row in rows if row["batch"] == batch}
        sides, methods = list(dict.fromkeys(s for _, s in found)), list(dict.fromkeys(m for m, _ in found))
        head = " | ".join(["method", *(f">{side} px" for side in sides)])
        own = [[m, *(f"{found[m, s]['seconds']:.4f} ({found[m, s]['MiB']:.0f})" for s in sides)] for m in methods]
        unit = {s: found[YARDSTICK, s]["seconds"] for s in sides}
        multiples = [[m, *(f"{found[m, s]['seconds'] / unit[s]:.2f}" for s in sides)] for m in methods]
        title = "One picture" if batch == 1 else f"{batch} at once"
        parts += [f"## {title}: seconds (MiB)", table(head, own)]
        parts += [f"## {title}: seconds as a multiple of {YARDSTICK}", table(head, multiples)]
    return "\n\n".join(parts)


def plot(rows: list[Row], path: Path) -> None:
    """Time against megapixels, both logarithmic, single pictures."""
    from matplotlib.figure import Figure

    figure = Figure((7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name in dict.fromkeys(row["method"] for row in rows):
        here = [row for row in rows if row["method"] == name and row["batch"] == 1]
        axes.loglog([r["side"] ** 2 / 1e6 for r in here], [r["seconds"] for r in here], marker="o", label=name)
    axes.set(xlabel="megapixels", ylabel="seconds")
    axes.grid(which="both", alpha=0.2)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1024, 2048, 4096])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--weights", type=Path, nargs="+", default=[], help="default: the bundled ones")
    parser.add_argument("--places", nargs="+", default=["cpu", *(["cuda:fp16"] if torch.cuda.is_available() else [])])
    parser.add_argument("--rival", nargs="*", default=[])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    weights = {path.stem.removeprefix("regharm-"): path for path in options.weights or [default_weights()]}
    calls: dict[str, Call] = {YARDSTICK: color_matcher("mkl"), "color-matcher Reinhard": color_matcher("reinhard")}
    calls["OpenCV seamlessClone"] = seamless_clone
    for place in options.places:
        suffix = "" if place == "cpu" else f", {place}"
        calls |= {name + suffix: ours(path, place) for name, path in weights.items()}
    calls |= dict(rival(spec) for spec in options.rival)
    rows: list[Row] = []
    with torch.inference_mode():
        for batch in options.batches:
            for side in options.sizes:
                rows += measure(calls, side, batch, options.rounds)
    plural = "s" * (options.threads > 1)
    machine = f"{options.threads} CPU thread{plural}, {platform.machine()}, torch {torch.__version__}"
    if torch.cuda.is_available():
        machine += f", {torch.cuda.get_device_name()}"
    files = {name: path.name for name, path in weights.items()}
    save("speed", {"about": machine, "weights": files, "rows": rows})
    plot(rows, PICTURES / "speed.png")
    about = f"Measured on {machine}; {', '.join(f'{name} = {file}' for name, file in files.items())}."
    fill("speed", {"about": about, "tables": tables(rows)})


if __name__ == "__main__":
    main()
