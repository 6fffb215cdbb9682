"""How long a piece of work takes and how much memory it adds, measured so that other processes do not matter."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch

KIB = 1 << 10
SECONDS = 1.0  # of CPU time, for a file that may be refused
SLACK = 4 << 20  # bytes beside twice the file's size: the network's modules, the header, the allocator's steps


def resident(what: str) -> int:
    """Bytes in memory: "VmRSS" now, "VmHWM" at most since :func:`measured` asked (Linux)."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(what))
    return int(line.split()[1]) * KIB


def can_measure() -> bool:
    """True where the highest memory can be reset and read."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def measured(work: Callable[[], object], *, memory: bool = True) -> tuple[float, int]:
    """CPU seconds of some work in one thread, and the bytes that it added at its highest."""
    threads, before = torch.get_num_threads(), 0
    torch.set_num_threads(1)  # threads that wait for each other on a busy machine count as busy
    if memory:
        Path("/proc/self/clear_refs").write_text("5")
        before = resident("VmRSS")
    began = time.process_time()
    try:
        work()
        return time.process_time() - began, max(resident("VmHWM") - before, 0) if memory else 0
    finally:
        torch.set_num_threads(threads)
