"""``train``: a recipe in, weights out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .device import add_device_option, chosen_device


def add_parser(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    """Declare the command."""
    parser = commands.add_parser(
        "train", help="train from a recipe (JSON), on several GPUs under torchrun; resumes where it was stopped"
    )
    parser.add_argument("config", type=Path, metavar="CONFIG")
    add_device_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train and print the weights' path."""
    from ..training.run.distributed import joined
    from ..training.run.loop import train
    from ..training.run.recipe import read_recipe

    recipe = read_recipe(options.config)
    with joined(chosen_device(options.device)) as world:
        weights = train(recipe, world.device, world=world)
        if world.rank == 0:
            sys.stdout.write(f"{weights}\n")
    return 0
