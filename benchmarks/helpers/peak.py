"""Memory of the process, looked at while something runs (Linux)."""

from __future__ import annotations

import os
import threading
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE") / (1 << 20)  # MiB


def resident() -> float:
    """MiB that the process has in memory now, without mapped files."""
    _, pages, shared, *_ = Path("/proc/self/statm").read_text().split()
    return (int(pages) - int(shared)) * PAGE


class Peak:
    """The highest :func:`resident` while a block runs, less that of before. It looks every half millisecond."""

    def __enter__(self) -> Peak:
        self.before, self.grown, self.done = resident(), 0.0, threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self) -> None:
        while not self.done.wait(0.0005):
            self.grown = max(self.grown, resident() - self.before)

    def __exit__(self, *_: object) -> None:
        self.grown = max(self.grown, resident() - self.before)
        self.done.set()
        self.thread.join()
