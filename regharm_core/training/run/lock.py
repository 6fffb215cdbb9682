"""One process for each training folder; the system releases the lock when the process ends, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from ...errors import InputError


@contextmanager
def only_process(folder: Path) -> Generator[None]:
    """Lock ``folder`` against other processes that train.

    Raises:
        InputError: when another process holds it.
    """
    with (folder / "lock").open("a+b") as file:
        try:
            _lock(file.fileno())
        except OSError:
            raise InputError(f"another process is training into {folder}") from None
        yield  # closing the file releases the lock


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
