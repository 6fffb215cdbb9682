"""The shell: harmonize, info, evaluate, train, tables, split, join."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ..errors import RegHarmError
from . import evaluate, harmonize, info, shards, tables, train
from .lines import Parser, complaint, out_of_memory

PACKAGE = __name__.rpartition(".")[0]  # regharm_core, or what the pack's folder makes of it
COMMANDS = (harmonize, info, evaluate, train, tables, shards)


def main(arguments: Sequence[str] | None = None, *, prog: str = "python -m regharm_core") -> int:
    """Run one command; 0 on success, 2 with one line on stderr when something cannot be used."""
    parser = Parser(prog=prog, description="Make pasted things look as if they had always been there.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_parser(commands)
    options = parser.parse_args(arguments)
    try:
        status = options.run(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # who reads stdout has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
        return 141
    except (RegHarmError, OSError) as error:
        sys.stderr.write(complaint(error))
        return 2
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(f"{PACKAGE}.training"):
            raise
        sys.stderr.write(f"error: this copy of {PACKAGE} comes without its training; it is in the repository\n")
        return 2
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        sys.stderr.write("error: out of memory; try a smaller picture, or --device cpu\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
