"""What decides quality: one thing changed at a time, trained from nothing on equal terms, measured on the same pairs.

    python -m benchmarks.choices --data D [D ...] --validate V [--only NAME ...]

Every row is the base recipe with some fields changed: the same network, seed, composites and number of
composites unless the row is about these. A finished row's figures stand in choices/NAME.json and are not
made again; choices.md is written from what is there. Budgets are numbers of composites, so that other
work on the machine does not change the result.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from regharm_core.network.config import HarmonizerConfig
from regharm_core.network.unet import HarmonizerNet
from regharm_core.store.checkpoint import load_network
from regharm_core.store.files import replacing
from regharm_core.training.data.composites import CompositeConfig, CompositeMaker
from regharm_core.training.data.photographs import Photographs, load_photographs
from regharm_core.training.measuring.evaluate import evaluate
from regharm_core.training.run.loop import train
from regharm_core.training.run.recipe import Phase, Recipe

from .full_resolution import kept
from .layout import LAYOUTS

FOLDER = Path(__file__).with_suffix("")
COMPOSITES = 11_200
KINDS = ("plain", "paste", "inpaint")

Changes = dict[str, Any]
# name: (question, what is changed); "model." and "composites." lead into those parts of the recipe.
ROWS: dict[str, tuple[str, Changes]] = {
    "base": ("base", {}),
    "base-seed-1": ("base, other seeds", {"seed": 1}),
    "base-seed-2": ("base, other seeds", {"seed": 2}),
    **{
        f"layout-{name}": (
            "layout (base less than the paper's count)",
            {"model.gated": c.gated, "model.refine": c.refine},
        )
        for name, c in LAYOUTS.items()
    },
    "rate-1e-4": ("learning rate (base 3e-4)", {"learning_rate": 1e-4}),
    "rate-1e-3": ("learning rate (base 3e-4)", {"learning_rate": 1e-3}),
    "batch-4": ("batch (base 8; the paper 4)", {"batch": 4}),
    "batch-32": ("batch (base 8; the paper 4)", {"batch": 32}),
    "temperature-one-hot": ("attention temperature (base 1: softmax of Q K / sqrt C)", {"model.temperature": 0.1}),
    "temperature-flat": ("attention temperature (base 1: softmax of Q K / sqrt C)", {"model.temperature": 4.0}),
    "crop-random": ("crops (base 3 of 4 around the region, 1.25 to 3 times its box)", {"composites.close": 0.0}),
    "crop-near": (
        "crops (base 3 of 4 around the region, 1.25 to 3 times its box)",
        {"composites.close": 1.0, "composites.context": (1.25, 2.0)},
    ),
    "moves-photographic": ("colour moves (base all five)", {"composites.moves": ("photographic",)}),
    "moves-transfers": (
        "colour moves (base all five)",
        {"composites.moves": ("reinhard", "monge_kantorovich", "histogram", "iterative_transfer")},
    ),
    "kind-plain": ("kinds of composites (base 40 / 25 / 35 %)", {"composites.paste": 0.0, "composites.inpaint": 0.0}),
    "regions-one": ("several regions (base 15 %)", {"composites.several": 0.0}),
    "regions-several": ("several regions (base 15 %)", {"composites.several": 0.5}),
    "view-128": ("view of 128 px, a quarter of the composites (base 64 px)", {"view": 128, "share": 0.25}),
    "view-64-then-128": ("view of 64 px, then 128 px, the same arithmetic", {"view": 128, "share": 0.625, "first": 64}),
    "average-none": ("average of weights, decay (base 0.99)", {"average": 0.0}),
    "average-0.998": ("average of weights, decay (base 0.99)", {"average": 0.998}),
    "minimum-area-1": ("A_min of Eq. 8 (base 100 px)", {"minimum_area": 1.0}),
    "minimum-area-1000": ("A_min of Eq. 8 (base 100 px)", {"minimum_area": 1000.0}),
    "identity-none": ("composites that need nothing (base 6 %)", {"composites.identity": 0.0}),
    "identity-25": ("composites that need nothing (base 6 %)", {"composites.identity": 0.25}),
    "jitter-none": ("colours of the whole photograph moved first (base half)", {"composites.jitter": 0.0}),
}

MODEL = HarmonizerConfig(width=16, gated=False, refine=(1, 1, 1, 0), view=64)
MIX = CompositeConfig(plain=0.40, paste=0.25, inpaint=0.35, identity=0.06)


def recipe(changes: Changes, out: Path) -> Recipe:
    """The base recipe with one row's changes."""
    changes = dict(changes)
    batch, view = changes.pop("batch", 8), changes.pop("view", MODEL.view)
    steps = round(COMPOSITES * changes.pop("share", 1.0) / batch)
    phases = (Phase(view, batch, 1.0),)
    if (first := changes.pop("first", None)) is not None:  # half of the arithmetic each: 4 to 1 in composites
        phases = (Phase(first, batch, 0.8), Phase(view, batch, 0.2))
    parts: dict[str, Changes] = {"model": {"view": view}, "composites": {}, "": {}}
    for name, value in changes.items():
        part, _, field = name.rpartition(".")
        parts[part][field] = value
    base = Recipe(
        data=("photographs",),  # loaded once for all rows
        out=str(out),
        model=replace(MODEL, **parts["model"]),
        composites=replace(MIX, **parts["composites"]),
        phases=phases,
        steps=steps,
        warmup=50,
        learning_rate=3e-4,
        average=0.99,
        threads=1,
        bf16=True,
        seed=0,
    )
    return replace(base, **parts[""])


def measure(net: HarmonizerNet, folder: Path) -> dict[str, Any]:
    """fMSE left in percent and PSNR gained (dB) by kind at 256 px."""
    found: dict[str, Any] = {}
    for kind in KINDS:
        report = evaluate(net, folder / kind)
        before, after = report["composite"], report["harmonized"]
        left, gained = 100 * after["fmse"] / before["fmse"], after["psnr"] - before["psnr"]
        found[kind] = {"left": round(left, 2), "gained": round(gained, 3)}
    return found


def run(name: str, photographs: Photographs, validate: Path, work: Path) -> None:
    """Train and measure one row, and keep its figures."""
    wanted = recipe(ROWS[name][1], work / name)
    began = time.process_time()
    weights = train(wanted, torch.device("cpu"), source=CompositeMaker(photographs, wanted.composites))
    spent = time.process_time() - began
    net, info = load_network(weights)
    values = {
        "question": ROWS[name][0],
        "changes": ROWS[name][1],
        "composites": info.facts["images"],
        "cpu_seconds": round(spent),
        "left": measure(net, validate),
    }
    if name == "base":
        values["half"] = measure(net.half().float(), validate)
    FOLDER.mkdir(exist_ok=True)
    with replacing(FOLDER / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(values, indent=1) + "\n")


def report() -> str:
    """choices.md from the rows that are there."""
    rows = {name: json.loads(p.read_text()) for name in ROWS if (p := FOLDER / f"{name}.json").is_file()}
    base = [rows[name]["left"] for name in rows if name.startswith("base")]
    lines = [HEAD.format(composites=f"{COMPOSITES:,}", seeds=len(base)), TABLE]
    for name, row in rows.items():
        lines.append(_line(f"{row['question']}: {name}", row["left"], row["cpu_seconds"]))
        if "half" in row:
            lines.append(_line("weights stored as fp16 (the base's)", row["half"], None))
    if missing := [name for name in ROWS if name not in rows]:
        lines.append(f"\nNot trained yet: {', '.join(missing)}.")
    return "\n".join(lines) + "\n"


HEAD = """# What decides quality

Made by `python -m benchmarks.choices --data D ... --validate V`. Small networks (width 16, a view of 64 px) trained
from nothing on {composites} composites each, one CPU thread, bf16 autocast, the same seed and so the same composites
unless the row is about them; 64 pairs of each kind at 256 px through the public call. "Left" is foreground MSE in
percent of the bare composite's: lower is better. {seeds} rows differ in nothing but the seed: what they differ by is
noise. Such short runs tell what helps to learn quickly, not where long ones end.
"""
TABLE = """
| row | plain | paste | inpaint | mean | CPU s, last stretch |
| --- | ---: | ---: | ---: | ---: | ---: |"""


def _line(label: str, left: dict[str, Any], seconds: int | None) -> str:
    values = [left[kind]["left"] for kind in KINDS]
    mean = sum(values) / len(values)
    return f"| {label} | {' | '.join(f'{v:.1f}' for v in values)} | **{mean:.1f}** | {seconds or ''} |"


def _write_report() -> None:
    path = Path(__file__).with_suffix(".md")
    with replacing(path) as temporary:
        temporary.write_text(report() + kept(path))


def main() -> None:
    """Run what is missing and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", default=[])
    parser.add_argument("--validate", type=Path)
    parser.add_argument("--work", type=Path, default=Path("runs/choices"))
    parser.add_argument("--only", nargs="*", choices=list(ROWS))
    options = parser.parse_args()
    missing = [name for name in options.only or ROWS if not (FOLDER / f"{name}.json").is_file()]
    photographs = load_photographs(options.data) if options.data and missing else None
    for name in missing if photographs else ():
        run(name, photographs, options.validate, options.work)
        _write_report()
    _write_report()


if __name__ == "__main__":
    main()
