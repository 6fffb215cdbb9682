"""``tables``: rows of the paper's tables, trained on equal terms."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import ConfigError
from .device import add_device_option, chosen_device


def add_parser(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    """Declare the command."""
    parser = commands.add_parser(
        "tables",
        help="train and measure rows of the paper's tables 2 to 5; a stopped row goes on, a finished one is skipped",
    )
    parser.add_argument("--table", type=int, nargs="+", choices=(2, 3, 4, 5), default=[], help="whole tables")
    parser.add_argument("--row", nargs="+", default=[], metavar="NAME", help="single networks; --list names them")
    parser.add_argument("--list", action="store_true", help="print every row with its network and stop")
    parser.add_argument("--data", type=Path, nargs="+", metavar="D", help="tar files of photographs with region maps")
    parser.add_argument("--validate", type=Path, metavar="V", help="folder with one folder of pairs a kind")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="results: one JSON file a network and seed")
    parser.add_argument("--work", type=Path, default=Path("runs/tables"), metavar="FOLDER", help="states and weights")
    parser.add_argument(
        "--composites",
        type=Path,
        metavar="FOLDER",
        help="keep a seed's composites here for its other rows (7.9 GB a seed with the usual conditions)",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="N", help="each of them in turn")
    parser.add_argument("--width", type=int, default=16, help="C (the paper: 32)")
    parser.add_argument("--size", type=int, default=64, help="px a side (the paper: 256)")
    parser.add_argument("--batch", type=int, default=8, help="(the paper: 4)")
    parser.add_argument("--steps", type=int, default=8600, help="the budget, equal for all rows")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    parser.add_argument(
        "--widest",
        type=int,
        default=4,
        metavar="N",
        help="leave out a table's networks of more than N times C (default: 4, which leaves out none; four times the "
        "width takes about ten times as long)",
    )
    add_device_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the paths of the new results."""
    from ..training.tables.conditions import Conditions
    from ..training.tables.rows import LINES, NETWORKS, PAPER_WIDTH, PROBES, find_network, networks_of
    from ..training.tables.run import Places, run_rows

    if options.list:
        for line in LINES:
            sys.stdout.write(f"Table {line.table}  {line.label:<24}{line.network:<16}{line.printed.psnr:.2f} dB\n")
        for name in PROBES:
            sys.stdout.write(f"no table {name}\n")
        return 0
    for name in options.row:
        find_network(name)
    if not options.table and not options.row:
        raise ConfigError("tables needs a --table or a --row; --list names them")
    if options.data is None or options.validate is None or options.out is None:
        raise ConfigError("tables needs --data, --validate and --out")
    networks = [n for table in options.table for n in networks_of(table)]
    networks = [n for n in networks if NETWORKS[n].width <= options.widest * PAPER_WIDTH] + options.row
    conditions = Conditions(width=options.width, size=options.size, batch=options.batch, steps=options.steps)
    places = Places(tuple(options.data), options.validate, options.out, options.work, options.composites)
    device = chosen_device(options.device)
    for path in run_rows(networks, options.seeds, conditions, places, device, options.threads):
        sys.stdout.write(f"{path}\n")
    return 0
