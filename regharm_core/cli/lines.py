"""Error messages of one line for stderr, whatever they quote."""

from __future__ import annotations

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """A parser whose error messages are one line, like all others."""

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
    """Text on one line; characters that a terminal would act upon, or cannot show, are escaped."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)


def out_of_memory(error: BaseException) -> bool:
    """True for what Python, and torch on any device, raise when memory runs out."""
    said = ("out of memory", "not enough memory", "can't allocate memory")
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(s in str(error) for s in said))
