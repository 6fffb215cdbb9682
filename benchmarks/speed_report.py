"""The rows of a speed run as text and as a plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Row = dict[str, Any]  # method, side, batch, seconds, MiB
YARDSTICK = "color-matcher MKL"
# Seconds on the two-core machine the bars were set on; only their ratio to the yardstick's there counts.
REFERENCE = {256: 0.006, 1024: 0.11, 2048: 0.58}
BARS = {"lite": {256: 0.045, 1024: 0.15, 2048: 0.6}, "default": {256: 0.15, 1024: 0.3, 2048: 0.8}}


def tables(rows: list[Row]) -> list[str]:
    """Seconds and memory, then seconds as multiples of the yardstick's, one column a size, one table a batch."""
    lines: list[str] = []
    for batch in dict.fromkeys(row["batch"] for row in rows):
        here = [row for row in rows if row["batch"] == batch]
        sides = list(dict.fromkeys(row["side"] for row in here))
        found = {(row["method"], row["side"]): row for row in here}
        methods = list(dict.fromkeys(row["method"] for row in here))
        for title, cell in (("seconds (MiB)", _absolute), (f"seconds as a multiple of {YARDSTICK}", _relative)):
            lines += ["", f"## {batch} at once: {title}" if batch > 1 else f"## One picture: {title}", ""]
            lines.append("| method | " + " | ".join(f"{side} px" for side in sides) + " |")
            lines.append("| --- |" + " ---: |" * len(sides))
            for name in methods:
                cells = [cell(found[name, s], found[YARDSTICK, s]) if (name, s) in found else "" for s in sides]
                lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _absolute(row: Row, _: Row) -> str:
    return f"{row['seconds']:.4f} ({row['MiB']:.0f})"


def _relative(row: Row, unit: Row) -> str:
    return f"{row['seconds'] / unit['seconds']:.2f}"


def bars(rows: list[Row]) -> list[str]:
    """What issue and README promise, as ratios to the yardstick measured beside it."""
    found = {(row["method"], row["side"]): row["seconds"] for row in rows if row["batch"] == 1}
    lines = ["", "## The bars", "", f"As multiples of {YARDSTICK}, so that the machine's speed drops out.", ""]
    lines += ["| weights | px | at most | measured | |", "| --- | ---: | ---: | ---: | --- |"]
    alone = not any(name == "default" for name, _ in found)  # then lite is what the pack loads by default
    for name, seconds in BARS.items():
        of, label = ("lite", "lite, as the default") if alone and name == "default" else (name, name)
        for side, bar in seconds.items():
            if (of, side) in found and (YARDSTICK, side) in found:
                allowed, measured = bar / REFERENCE[side], found[of, side] / found[YARDSTICK, side]
                verdict = "met" if measured <= allowed else "missed"
                lines.append(f"| {label} | {side} | {allowed:.2f} | {measured:.2f} | {verdict} |")
    return lines if len(lines) > 7 else []


def growth(rows: list[Row], names: list[str]) -> list[str]:
    """Seconds and MiB a megapixel between neighbouring sizes, and eight pictures as a multiple of one."""
    found = {(row["method"], row["side"], row["batch"]): row for row in rows}
    sides = sorted({row["side"] for row in rows if row["batch"] == 1})
    batches = sorted({row["batch"] for row in rows})
    lines = ["", "## How cost grows", "", "What every further megapixel costs, from one size to the next:", ""]
    steps = list(zip(sides, sides[1:], strict=False))
    lines.append("| weights | " + " | ".join(f"{a} to {b} px" for a, b in steps) + " |")
    lines.append("| --- |" + " ---: |" * len(steps))
    for name in names:
        cells: list[str] = []
        for small, large in steps:
            first, second = found[name, small, 1], found[name, large, 1]
            more = (large**2 - small**2) / 1e6
            spent, held = ((second[key] - first[key]) / more for key in ("seconds", "MiB"))
            cells.append(f"{1000 * spent:.1f} ms, {held:.0f} MiB")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    if len(batches) > 1:
        few, many = batches[0], batches[-1]
        both = [side for side in sides if (names[0], side, few) in found and (names[0], side, many) in found]
        lines += ["", f"Time of {many} pictures as a multiple of {few}'s ({many / few:g} is linear):", ""]
        lines.append("| weights | " + " | ".join(f"{side} px" for side in both) + " |")
        lines.append("| --- |" + " ---: |" * len(both))
        for name in names:
            ratios = [found[name, s, many]["seconds"] / found[name, s, few]["seconds"] for s in both]
            lines.append(f"| {name} | " + " | ".join(f"{ratio:.1f}" for ratio in ratios) + " |")
    return lines


def plot(rows: list[Row], path: Path) -> None:
    """Time against megapixels, both logarithmic, single pictures."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for name in dict.fromkeys(row["method"] for row in rows):
        here = [row for row in rows if row["method"] == name and row["batch"] == 1]
        axes.loglog([r["side"] ** 2 / 1e6 for r in here], [r["seconds"] for r in here], marker="o", label=name)
    axes.set(xlabel="megapixels", ylabel="seconds")
    axes.grid(which="both", alpha=0.2)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=110)
