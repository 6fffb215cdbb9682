"""The shell: harmonize, info, evaluate, train, tables, split, join."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..errors import RegHarmError
from . import evaluate, harmonize, info, shards, tables, train

COMMANDS = (harmonize, info, evaluate, train, tables, shards)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 on success, 2 with one line on stderr when something cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m regharm_core",
        description="Make pasted things look as if they had always been there.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (RegHarmError, OSError) as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
