"""Messages of one line: what an error says on stderr, whatever it quotes."""

from __future__ import annotations

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, like all others."""

    def error(self, message: str) -> NoReturn:
        """End with exit status 2."""
        self.exit(2, f"error: {printable(message)} (see {self.prog} --help)\n")


def complaint(error: Exception) -> str:
    """One line for stderr."""
    if isinstance(error, OSError) and error.strerror:
        named = "" if error.filename is None else f": {error.filename}"
        return f"error: {printable(error.strerror + named)}\n"
    return f"error: {printable(str(error))}\n"


def printable(text: str) -> str:
    """Text on one line, with whatever a terminal would act upon, or could not show, escaped."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)


def out_of_memory(error: BaseException) -> bool:
    """True for what Python, and torch on any device, raise when memory runs out."""
    said = ("out of memory", "not enough memory", "can't allocate memory")
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(s in str(error) for s in said))
