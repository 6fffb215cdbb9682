"""How much a piece of work does and how much memory it adds, counted so that a slow or busy machine changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

KIB = 1 << 10
CALLS = 100_000  # of functions, for a file that may be refused; three times what the largest good one takes
SLACK = 4 << 20  # bytes beside twice the file's size: the network's modules, the header, the allocator's steps


def resident(what: str) -> int:
    """Bytes in memory: "VmRSS" now, "VmHWM" at most since :func:`grown` asked (Linux)."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(what))
    return int(line.split()[1]) * KIB


def can_measure() -> bool:
    """True where the highest memory can be reset and read."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def grown(work: Callable[[], object]) -> int:
    """Bytes that some work added at its highest."""
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    work()
    return max(resident("VmHWM") - before, 0)


def calls(work: Callable[[], object]) -> int:
    """How many functions some work called, Python's own and compiled ones. It stops at :data:`CALLS`.

    Raises:
        AssertionError: More were called.
    """
    count = 0

    def called(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")
        if count > CALLS:
            sys.setprofile(None)
            raise AssertionError(f"more than {CALLS} calls")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    assert count <= CALLS, f"more than {CALLS} calls"  # also where the work took our error for one of its own
    return count
