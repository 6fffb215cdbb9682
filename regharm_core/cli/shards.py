"""``split`` and ``join``: a weights file split into parts of limited size, and joined again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import InputError
from ..store.shards import DEFAULT_LIMIT, join_shards, split_file


def add_parser(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    """Declare the commands."""
    parser = commands.add_parser("split", help="write a weights file in parts of limited size")
    parser.add_argument("weights", type=Path, metavar="W")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--mib", type=float, default=DEFAULT_LIMIT / 2**20, help="largest part (default: %(default)g)")
    parser.set_defaults(run=split)
    parser = commands.add_parser("join", help="put the parts together again")
    parser.add_argument("list", type=Path, metavar="W.shards.json")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="W")
    parser.set_defaults(run=join)


def split(options: argparse.Namespace) -> int:
    """Print the path of the list."""
    if not 0 < options.mib < float("inf"):
        raise InputError(f"--mib must be a positive number, got {options.mib}")
    options.out.mkdir(parents=True, exist_ok=True)
    sys.stdout.write(f"{split_file(options.weights, options.out, int(options.mib * 2**20))}\n")
    return 0


def join(options: argparse.Namespace) -> int:
    """Print the path of the whole file."""
    join_shards(options.list, options.out)
    sys.stdout.write(f"{options.out}\n")
    return 0
