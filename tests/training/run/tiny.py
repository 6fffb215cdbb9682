"""A training of a few steps, for the tests of the loop, of its start and of recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from regharm_core import HarmonizerConfig
from regharm_core.store.checkpoint import load_network
from regharm_core.training.run import loop
from regharm_core.training.run.distributed import alone
from regharm_core.training.run.recipe import Phase, Recipe
from regharm_core.training.run.sources import open_source

MODEL = HarmonizerConfig(width=2, gated=False, refine=(0, 0, 0, 0), view=64)
# A network that learns together with a rim reader.
TOLD: dict[str, Any] = {
    "layout": "maps",
    "stages": (4, 4, 8, 8),
    "ltl": (),
    "translation": "none",
    "overall": 16,
    "rim": 8,
    "told": True,
    "view": 64,
}
CPU = torch.device("cpu")


def recipe(photographs: Path, out: Path, **options: Any) -> Recipe:
    values: dict[str, Any] = {"model": MODEL, "steps": 6, "phases": (Phase(64, 2, 1.0),), "warmup": 2, "average": 0.5}
    return Recipe(data=(str(photographs),), out=str(out), **(values | options))


def started(wanted: Recipe) -> loop._Run:
    return loop._Run(wanted, alone(CPU), open_source(wanted, CPU))


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_network(path)[0].state_dict()
