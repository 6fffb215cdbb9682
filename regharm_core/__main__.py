"""``python -m regharm_core``."""

import io
import os
import sys

from .cli import main


def run(prog: str) -> int:
    """Run the command that was typed, and return its exit status.

    Args:
        prog: what was typed before the command's name, for help and complaints.
    """
    sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # were closed
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show ends nothing
    return main(prog=prog)


if __name__ == "__main__":
    raise SystemExit(run("python -m regharm_core"))
