"""Seconds and memory beside what people have, side by side in one run: one command.

    python -m benchmarks.speed [--sizes 256 1024 2048 4096] [--batches 1 8] [--threads 2] [--rounds 5]
                               [--weights FILE ...] [--places cpu cuda:fp16 ...] [--rival NAME=PATH ...]

Needs color-matcher, opencv-python-headless and matplotlib. Every round times every method once, so that a busy minute
hits all of them; the median over rounds counts. Of rounds longer than 20 s there are two, of those under 1 s fifteen.
The foreground is a disc of a quarter of the picture. Without --places: the CPU, and CUDA in fp16 where there is one.
--rival names a Python file with ``harmonize(picture, mask)``, an adapter to somebody's public code (``rivals.py``).
Writes speed.md, speed.json and speed.png beside this file and keeps what stands in speed.md under "Reading".
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import torch
from torch import Tensor

from regharm_core import load_harmonizer
from regharm_core.picture.box import bounding_box
from regharm_core.picture.view import DEFAULT_CONTEXT, frame, look
from regharm_core.pipeline import DEFAULT_WEIGHTS, WEIGHTS_FOLDER
from regharm_core.store.files import replacing

from .arithmetic import Work, network_work, pace
from .discs import scene
from .full_resolution import kept
from .peak import Peak
from .rivals import Call, rival
from .speed_methods import DTYPES, color_matcher, ours, seamless_clone
from .speed_report import YARDSTICK, Row, bars, growth, plot, tables

HERE = Path(__file__)
NAMES = {"regharm": "default", "regharm-lite": "lite"}
SHORT, LONG = 1.0, 20.0  # seconds of a round
MANY = 15  # rounds where they are short: with three, the ratio at 256 px was 7 or 12 by chance
LARGEST = 8192
REST = 0.25  # seconds


def timed(call: Call, image: Tensor, mask: Tensor) -> float:
    """Seconds of one call, once the threads of the call before are at rest, and after one that is not counted.

    OpenBLAS's threads spin for a tenth of a second after NumPy's products, and beside them everything takes twice as
    long. The call before has the memory mapped and the caches filled, as ``timeit`` has it; a long one does itself.
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
    rows = [
        {"method": n, "side": side, "batch": batch, "seconds": statistics.median(spent[n]), "MiB": held[n]}
        for n in calls
    ]
    for row in rows:
        print(row, flush=True)
    return rows


def by_share(calls: dict[str, Call], rounds: int, side: int) -> list[str]:
    """Seconds against the foreground's share of the picture."""
    shares = (0.01, 0.05, 0.25, 0.5, 0.75)
    lines = ["", f"Seconds at {side} px by the foreground's share of the picture:", ""]
    lines += ["| weights | " + " | ".join(map(str, shares)) + " |", "| --- |" + " ---: |" * len(shares)]
    spent: dict[str, list[str]] = {name: [] for name in calls}
    for share in shares:
        image, mask = scene(side, 1, share)
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(rounds + 1):
            for name, call in calls.items():
                times[name].append(timed(call, image, mask))
        for name in calls:
            spent[name].append(f"{statistics.median(times[name][1:]):.3f}")
    return lines + [f"| {name} | " + " | ".join(cells) + " |" for name, cells in spent.items()]


def largest(calls: dict[str, Call], side: int) -> list[str]:
    """Memory of the largest picture, in its own sizes."""
    image, mask = scene(side, 1)
    lines = [""]
    for name, call in calls.items():
        times = memory(call, image, mask) / (image.numel() * 4 / (1 << 20))
        lines.append(
            f"{name}: a picture of {side} x {side} px in float32 took {times:.2f} times its own size, result included."
        )
    return lines


def floors(weights: dict[str, Path], place: str, rounds: int) -> list[str]:
    """The network's work against what the device could do: operations and bytes behind the seconds at 256 px."""
    device, _, dtype = place.partition(":")
    best = pace(device, DTYPES[dtype or "fp32"])
    lines = ["", f"## Against the arithmetic, {place}", ""]
    lines.append(
        f"This device multiplies matrices at {best.operations / 1e9:.0f} G operations and copies "
        f"{best.moved / 1e9:.0f} GB a second (measured). A picture is shown with its mirror image; pictures of 256 px."
    )
    lines += ["", "| weights | pictures | G operations | MB moved | floor, ms | harmonize, ms | of the floor |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, path in weights.items():
        model, call = load_harmonizer(path).float(), ours(path, place)
        size = torch.finfo(DTYPES[dtype or "fp32"]).bits / 32
        for batch in (1, 16):
            image, mask = scene(256, batch)
            box = frame(mask[0], None, DEFAULT_CONTEXT, model.config.view)
            shown = (part[:1].expand(2, -1, -1, -1) for part in look(model, image, mask, None, [box], [0])[:2])
            one = network_work(model, *shown, within=bounding_box(look(model, image, mask, None, [box], [0])[1][0]))
            work = Work(one.operations * batch, one.moved * batch * size)
            spent = statistics.median([timed(call, image, mask) for _ in range(rounds + 2)][2:])
            floor = best.floor(work)
            cells = [f"{work.operations / 1e9:.2f}", f"{work.moved / 1e6:.0f}", f"{1000 * floor:.2f}"]
            cells += [f"{1000 * spent:.2f}", f"{spent / floor:.1f}"]
            lines.append(f"| {name} | {batch} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1024, 2048, 4096])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--weights", type=Path, nargs="+")
    parser.add_argument("--places", nargs="+", default=["cpu", *(["cuda:fp16"] if torch.cuda.is_available() else [])])
    parser.add_argument("--rival", nargs="*", default=[])
    parser.add_argument("--largest", type=int, default=LARGEST, help="px a side of the picture for the memory")
    parser.add_argument("--out", type=Path, default=HERE.with_suffix(".md"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    files = options.weights or [WEIGHTS_FOLDER / name for name in DEFAULT_WEIGHTS]
    weights = {NAMES.get(path.stem, path.stem): path for path in files if path.is_file()}
    mine: dict[str, Call] = {}
    for place in options.places:
        suffix = "" if place == "cpu" else f", {place}"
        mine |= {name + suffix: ours(path, place) for name, path in weights.items()}
    calls: dict[str, Call] = {YARDSTICK: color_matcher("mkl"), "color-matcher Reinhard": color_matcher("reinhard")}
    calls |= {"OpenCV seamlessClone": seamless_clone} | mine | dict(rival(spec) for spec in options.rival)
    rows: list[Row] = []
    with torch.inference_mode():
        for batch in options.batches:
            for side in options.sizes:
                rows += measure(calls, side, batch, options.rounds)
        lines = [*tables(rows), *bars(rows), *growth(rows, list(mine))]
        lines += by_share(mine, options.rounds, max(s for s in options.sizes if s <= 2048))
        lines += largest(mine, options.largest)
        for place in options.places:
            lines += floors(weights, place, options.rounds)
    used = ", ".join(f"{name} = {path.name}" for name, path in weights.items())
    about = f"{options.threads} CPU threads, {platform.processor() or platform.machine()}, torch {torch.__version__}"
    if torch.cuda.is_available():
        about += f", {torch.cuda.get_device_name()}"
    text = (
        f"# Speed\n\nMade by `python -m benchmarks.speed`; {about}; {used}.\n\n![Time against megapixels](speed.png)\n"
    )
    text += "\n".join(lines) + "\n" + kept(options.out)
    print("\n".join(lines))
    plot(rows, options.out.with_suffix(".png"))
    facts = {"about": about, "weights": {name: path.name for name, path in weights.items()}, "rows": rows}
    for path, content in ((options.out, text), (options.out.with_suffix(".json"), json.dumps(facts, indent=1))):
        with replacing(path) as temporary:
            temporary.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
