"""What each part of the default network is worth: the same short training with one part taken away, several seeds.

usage: ablate.py RECIPE OUT --pairs FOLDER [--rows ROW ...] [--seeds 0 1] [--change JSON] [--device cpu]

Every row starts from nothing but the eye's weights, has the recipe's budget (``--change '{"seconds": 3600}'``) and
sees photographs of the same set. The answers to the pairs of FOLDER (one folder a kind) are measured at 256 px without
hold-back. OUT/ROW-SEED holds a row's state: a stopped row goes on, a finished one is not trained again.
OUT/ablation.json and OUT/ablation.md hold what is there so far; the table is also printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from regharm_core.errors import ConfigError, RegHarmError
from regharm_core.store.checkpoint import load_network
from regharm_core.store.files import replacing
from regharm_core.training.data.ahead import Ahead
from regharm_core.training.data.photographs import Photographs, load_photographs
from regharm_core.training.data.source import Source
from regharm_core.training.measuring.validation import list_kinds, validate
from regharm_core.training.run.loop import train
from regharm_core.training.run.recipe import Recipe, read_recipe
from regharm_core.training.run.sources import open_maker

EYE = Path(__file__).parent.parent / "weights" / "regharm.safetensors"
FEW = "an eighth of the photographs"

# What is taken away, as changes of the network and of how composites are made; "photographs" is a share of them.
ROWS: dict[str, dict[str, Any]] = {
    "all": {},
    "no eye": {"model": {"eye": False, "eye_view": 0, "matching": "features"}},
    "no overall branch": {"model": {"overall": 0, "doubt": False}},
    "no blocks": {"model": {"blocks": 0}},
    "no LTL, no PTL": {"model": {"ltl": (), "translation": "none", "matching": "features"}},
    "no PTL": {"model": {"translation": "none"}},
    "no LTL": {"model": {"ltl": ()}},
    "matched by features": {"model": {"matching": "features"}},
    "references of any kind": {"composites": {"alike": 0.0}},
    "no full moves": {"composites": {"full": 0.0}},
    "no graded composites": {"composites": {"graded": 0.0}},
    FEW: {"photographs": 1 / 8},
}


def rows_of(base: Recipe) -> list[str]:
    """The rows that take away something that a recipe has."""
    found = []
    for row in ROWS:
        with suppress(ConfigError):
            row_recipe(base, row, 0, Path())
            found.append(row)
    return found


def row_recipe(base: Recipe, row: str, seed: int, out: Path) -> Recipe:
    """The recipe of one row and seed.

    Raises:
        ConfigError: when there is no such row, or the recipe's network has not what the row takes away.
    """
    if row not in ROWS:
        raise ConfigError(f"unknown row {row!r}; known are {list(ROWS)}")
    changes = ROWS[row]
    before = replace(base.model, caution=0.0)
    model = replace(before, **changes.get("model", {}))
    composites = replace(base.composites, **changes.get("composites", {}))
    if row not in ("all", FEW) and (model, composites) == (before, base.composites):
        raise ConfigError(f"{row!r} changes nothing: the recipe is without it already")
    eye = base.eye or str(EYE)
    place = str(out / f"{row.replace(' ', '-').replace(',', '')}-{seed}")
    start = {"start": None, "eye": eye if model.eye else None, "validate": None}
    return replace(base, model=model, composites=composites, seed=seed, out=place, **start)


def measure_row(
    recipe: Recipe, photographs: Photographs, share: float, pairs: Path, device: torch.device
) -> dict[str, Any]:
    """Train a row, or go on with it; the error left in percent by kind, and what it saw."""
    seen = Photographs(*(part[: max(round(len(part) * share), 1)] for part in (photographs.images, photographs.labels)))
    source: Source = open_maker(replace(recipe, eye=str(EYE)), seen)  # a row without an eye sees the same composites
    source = Ahead(source, recipe.ahead) if recipe.ahead > 1 else source
    net, info = load_network(train(recipe, device, source=source))
    left = validate(net.float().to(device).eval(), pairs, 10**6, Path(recipe.out) / "sheet.png")
    return {"left": left, "images": info.facts["images"], "photographs": len(seen)}


def in_words(results: Sequence[dict[str, Any]]) -> str:
    """A Markdown table: the mean over the seeds of each row, and the seeds' own means over the kinds."""
    kinds = list(results[0]["left"])
    heads = ["row", *kinds, "mean", "each seed's mean", "composites"]
    lines = [f"| {' | '.join(heads)} |", "| --- " + "| ---: " * (len(heads) - 1) + "|"]
    for row in dict.fromkeys(result["row"] for result in results):
        own = [result for result in results if result["row"] == row]
        means = [sum(result["left"].values()) / len(kinds) for result in own]
        cells = [sum(result["left"][kind] for result in own) / len(own) for kind in kinds]
        numbers = [f"{cell:.1f} %" for cell in [*cells, sum(means) / len(means)]]
        seen = f"{round(sum(result['images'] for result in own) / len(own)):,}"
        lines.append(f"| {row} | {' | '.join(numbers)} | {', '.join(f'{mean:.1f}' for mean in means)} | {seen} |")
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    with replacing(path) as part:
        part.write_text(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--rows", nargs="+", help="default: all that take away something that the recipe has")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--change", type=json.loads, default={}, help="more JSON for the recipe")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    device = torch.device(options.device)
    try:
        if not isinstance(options.change, dict):
            raise ConfigError(f"--change takes a JSON object, got {options.change!r}")
        options.out.mkdir(parents=True, exist_ok=True)
        told, given = options.out / "recipe.json", json.loads(options.recipe.read_text())
        if not isinstance(given, dict):
            raise ConfigError(f"the recipe {options.recipe} must be a JSON object")
        if told.resolve() == options.recipe.resolve():
            raise ConfigError(f"writing {told} would overwrite the recipe; name another folder")
        _write(told, json.dumps(given | options.change, indent=1))
        base = read_recipe(told)
        rows = options.rows or rows_of(base)
        wanted = [(row, row_recipe(base, row, seed, options.out)) for seed in options.seeds for row in rows]
        list_kinds(options.pairs)  # before hours of training
        photographs = load_photographs([Path(path) for path in base.data]).to(device)
        results: list[dict[str, Any]] = []
        for row, recipe in wanted:
            share = ROWS[row].get("photographs", 1.0)
            measured = measure_row(recipe, photographs, share, options.pairs, device)
            results.append({"row": row, "seed": recipe.seed} | measured)
            _write(options.out / "ablation.json", json.dumps(results, indent=1))
            _write(options.out / "ablation.md", in_words(results))
    except (RegHarmError, OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(in_words(results))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
