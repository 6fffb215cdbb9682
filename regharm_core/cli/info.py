"""``info``: what a weights file says of itself, or how many parameters a width has."""

from __future__ import annotations

import argparse
import json
import sys
from math import prod
from pathlib import Path

from ..errors import InputError
from ..network.build import parameter_count
from ..network.config import HarmonizerConfig
from ..store.checkpoint import read_info
from .lines import printable

WIDTHS = (1, 2, 3, 4)
PAPER_MILLIONS = (9.48, 37.81, 72.39, 117.42)  # Table 5


def add_parser(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    """Declare the command."""
    parser = commands.add_parser("info", help="show a weights file's config, parameters, training facts and licence")
    parser.add_argument("weights", nargs="?", type=Path, metavar="W", help=".safetensors file")
    parser.add_argument("--width", type=int, metavar="N", help="1..4: parameters of the paper's width N x C")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print to stdout."""
    if (options.weights is None) == (options.width is None):
        raise InputError("give a weights file or --width N, one of the two")
    if options.width is not None:
        if options.width not in WIDTHS:
            raise InputError(f"--width must be one of {WIDTHS}, got {options.width}")
        count = parameter_count(HarmonizerConfig(width=32 * options.width))
        paper = PAPER_MILLIONS[options.width - 1]
        sys.stdout.write(f"width {options.width}C: {count} parameters ({count / 1e6:.2f} M; paper {paper} M)\n")
        return 0
    info = read_info(options.weights)
    sizes = sorted({dtype for dtype, _ in info.tensors.values()})
    learned = sum(prod(s) for n, (_, s) in info.tensors.items() if ".running_" not in n)
    sys.stdout.write(f"file        {printable(str(options.weights))} ({info.size} bytes, {', '.join(sizes)})\n")
    sys.stdout.write(f"parameters  {learned} ({learned / 1e6:.2f} M)\n")
    sys.stdout.write(f"licence     {printable(str(info.facts.get('licence', 'not stated')))}\n")
    sys.stdout.write(f"config      {json.dumps(info.config.to_dict())}\n")
    for name, value in sorted(info.facts.items()):
        if name != "licence":
            shown = value if isinstance(value, str) else json.dumps(value)
            sys.stdout.write(f"{printable(name):<11} {printable(shown)}\n")
    return 0
