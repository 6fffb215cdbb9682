"""What libraries written in C print while they read a file, caught: each error is one line of our own."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager

STDERR = 2

_lock = threading.Lock()
_inside = 0  # threads that read just now; the first one in redirects, the last one out puts it back
_kept = -1


@contextmanager
def quiet() -> Generator[None]:
    """The process's standard error leads nowhere until the block ends; blocks may overlap in threads."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _kept
    with _lock:
        if _inside == 0:
            try:
                _kept = os.dup(STDERR)
            except OSError:  # a process without a standard error has nothing to catch
                _kept = -1
            else:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, STDERR)
                os.close(nowhere)
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if _inside == 0 and _kept >= 0:
            os.dup2(_kept, STDERR)
            os.close(_kept)
