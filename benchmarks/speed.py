"""Seconds and memory beside the classical methods that people have, side by side in one run.

    python -m benchmarks.speed [--sizes 256 1024 2048 4096] [--batches 1 8] [--threads 2] [--device cpu]
                               [--rounds 5] [--rival NAME=MODULE:FUNCTION ...]

Every round times every method once, so that a busy minute hits all of them; the median over rounds counts. The
foreground is a disc of a quarter of the picture. A rival is any importable function of (H W 3 uint8 array, H W uint8
mask) that returns the picture. Writes speed.md, speed.json and speed.png beside this file.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from regharm_core import harmonize, load_harmonizer
from regharm_core.files import replacing
from regharm_core.pipeline import DEFAULT_WEIGHTS, WEIGHTS_FOLDER

from .classical import METHODS
from .peak import Peak

HERE = Path(__file__).with_suffix(".md")
YARDSTICK = "Monge-Kantorovich"
LARGEST = 10e8  # numbers a batch may hold
Call = Callable[[Tensor, Tensor], object]  # B 3 H W, B 1 H W


def classical(name: str) -> Call:
    """One of benchmarks/classical.py, picture by picture."""
    return lambda image, mask: [METHODS[name](*one) for one in zip(image, mask, strict=True)]


def color_matcher() -> Call | None:
    """color-matcher's "mkl" as ColorMatch calls it, where the package is installed."""
    try:
        matcher = importlib.import_module("color_matcher").ColorMatcher()
    except ImportError:
        return None

    def run(image: Tensor, mask: Tensor) -> list[object]:
        pictures = image.permute(0, 2, 3, 1).numpy()
        return [matcher.transfer(src=one, ref=one[::-1], method="mkl") for one in pictures]

    return run


def ours(path: Path, device: str) -> Call:
    """The public call with a weights file."""
    model = load_harmonizer(path, device)

    def run(image: Tensor, mask: Tensor) -> Tensor:
        made = harmonize(model, image.to(device), mask.to(device))
        if device == "cuda":
            torch.cuda.synchronize()
        return made

    return run


def rival(spec: str) -> tuple[str, Call]:
    """NAME=MODULE:FUNCTION."""
    name, _, place = spec.partition("=")
    module, _, function = place.partition(":")
    found = getattr(importlib.import_module(module), function)

    def run(image: Tensor, mask: Tensor) -> list[object]:
        pictures = (image.permute(0, 2, 3, 1) * 255).byte().numpy()
        masks = (mask[:, 0] * 255).byte().numpy()
        return [found(*one) for one in zip(pictures, masks, strict=True)]

    return name, run


def scene(side: int, batch: int, share: float = 0.25) -> tuple[Tensor, Tensor]:
    """Random smooth pictures with a disc of a share of their area as foreground."""
    generator = torch.Generator().manual_seed(side)
    small = torch.rand(batch, 3, 32, 32, generator=generator)
    image = torch.nn.functional.interpolate(small, (side, side), mode="bicubic").clamp(0, 1)
    ramp = torch.linspace(-1, 1, side)
    disc = (ramp[:, None].square() + ramp.square() < 4 * share / np.pi).float()
    return image, disc.expand(batch, 1, side, side).contiguous()


def measure(calls: dict[str, Call], side: int, batch: int, rounds: int) -> list[dict[str, object]]:
    """One row a method: median seconds, highest memory of its own in MiB."""
    image, mask = scene(side, batch)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    memory: dict[str, float] = {}
    for n in range(rounds + 1):
        for name, call in calls.items():
            if n == 0:  # the first round warms up and is looked at for memory
                with Peak() as peak:
                    call(image, mask)
                memory[name] = peak.grown
            else:
                began = time.perf_counter()
                call(image, mask)
                seconds[name].append(time.perf_counter() - began)
    rows: list[dict[str, object]] = []
    for name in calls:
        row = {"method": name, "side": side, "batch": batch, "seconds": statistics.median(seconds[name])}
        rows.append(row | {"MiB": memory[name]})
        print(row, flush=True)
    return rows


def growth(call: Call, rounds: int) -> list[str]:
    """How a weights file's time depends on the foreground's share, and the memory of the largest picture."""
    lines = ["\n2,048 px by the foreground's share of the picture:\n", "| share | seconds |", "| --- | --- |"]
    for share in (0.01, 0.05, 0.25, 0.75):
        image, mask = scene(2048, 1, share)
        call(image, mask)
        spent: list[float] = []
        for _ in range(rounds):
            began = time.perf_counter()
            call(image, mask)
            spent.append(time.perf_counter() - began)
        lines.append(f"| {share} | {statistics.median(spent):.3f} |")
    image, mask = scene(8192, 1)
    with Peak() as peak:
        call(image, mask)
    times = peak.grown / (image.numel() * 4 / (1 << 20))
    lines.append(
        f"\nA picture of 8,192 x 8,192 px in float32 took {times:.2f} times its own size, the result included."
    )
    return lines


def report(rows: list[dict], about: str, more: list[str]) -> str:
    """The rows as a table of seconds (and MiB), one column a size and batch."""
    columns = list(dict.fromkeys((r["side"], r["batch"]) for r in rows))
    found = {(r["method"], r["side"], r["batch"]): r for r in rows}
    names = list(dict.fromkeys(r["method"] for r in rows))
    lines = [f"# Speed\n\nMade by `python -m benchmarks.speed`; {about}.\n"]
    head = [f"{side} px, batch {batch}" if batch > 1 else f"{side} px" for side, batch in columns]
    yardstick = next(n for n in names if YARDSTICK in n)

    def absolute(row: dict, _: dict) -> str:
        return f"{row['seconds']:.3f} ({row['MiB']:.0f})"

    def relative(row: dict, unit: dict) -> str:
        return f"{row['seconds'] / unit['seconds']:.2f}"

    titles = ("Seconds (MiB of memory beside the pictures):", f"Time as a multiple of {yardstick}:")
    for title, cell in zip(titles, (absolute, relative), strict=True):
        lines += [f"\n{title}\n", "| method | " + " | ".join(head) + " |", "| --- |" + " --- |" * len(columns)]
        for name in names:
            cells = [cell(found[(name, *c)], found[(yardstick, *c)]) for c in columns]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, *more, "", "![Time against megapixels](speed.png)", ""])


def plot(rows: list[dict], path: Path) -> None:
    """Time against megapixels, both logarithmic, single pictures."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for name in dict.fromkeys(r["method"] for r in rows):
        points = [(r["side"] ** 2 / 1e6, r["seconds"]) for r in rows if r["method"] == name and r["batch"] == 1]
        axes.loglog(*zip(*points, strict=True), marker="o", label=name)
    axes.set(xlabel="megapixels", ylabel="seconds")
    axes.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1024, 2048, 4096])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rival", nargs="*", default=[])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    calls: dict[str, Call] = {}
    if (matcher := color_matcher()) is not None:
        calls["color-matcher's Monge-Kantorovich"] = matcher
    for name in ("linear Monge-Kantorovich", "Reinhard", "Poisson (seamlessClone)"):
        calls[f"{name}, ours" if name.startswith("linear") else name] = classical(name)
    for name in DEFAULT_WEIGHTS:
        if (WEIGHTS_FOLDER / name).is_file():
            calls[name.removesuffix(".safetensors")] = ours(WEIGHTS_FOLDER / name, options.device)
    calls |= dict(rival(spec) for spec in options.rival)
    rows: list[dict] = []
    with torch.inference_mode():
        for batch in options.batches:
            for side in options.sizes:
                if batch * side**2 * 3 <= LARGEST / 8:
                    rows += measure(calls, side, batch, options.rounds)
        more = growth(calls[list(calls)[-1 - len(options.rival)]], options.rounds)  # the last of ours
    about = f"{options.device}, {options.threads} CPU threads, torch {torch.__version__}"
    plot(rows, HERE.with_suffix(".png"))
    for path, text in ((HERE, report(rows, about, more)), (HERE.with_suffix(".json"), json.dumps(rows, indent=1))):
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
