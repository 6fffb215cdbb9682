"""The training log as a picture."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

from ...store.files import replacing


def mend_rows(log: Path) -> None:
    """Take off a row at the end that was not written whole, as on a full disk, so that the next one stands alone."""
    if not log.exists():
        return
    written = log.read_bytes()
    whole = written.rfind(b"\n") + 1
    if whole < len(written):
        with log.open("r+b") as file:
            file.truncate(whole)


def draw_curve(log: Path, picture: Path) -> bool:
    """Draw the loss, and validation where there is any, over the images seen.

    Returns:
        False where matplotlib (an extra) is absent.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return False
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    named = {
        "loss (Eq. 8)": ["loss"],
        "fMSE, % of the composite's": [n for n in (rows[0] if rows else []) if n.startswith("val_")],
    }
    drawn = {label: names for label, names in named.items() if label == "loss (Eq. 8)" or names}
    figure, axes = pyplot.subplots(len(drawn), 1, sharex=True, figsize=(8, 3.5 * len(drawn)), layout="constrained")
    panels = axes if len(drawn) > 1 else [axes]
    for axis, (label, names) in zip(panels, drawn.items(), strict=True):
        for name in names:
            points = [(int(r["images"]), float(r[name])) for r in rows if r.get(name)]
            axis.plot(*zip(*points, strict=True), label=name) if points else None
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        axis.legend() if axis.get_legend_handles_labels()[0] else None
    panels[0].set_yscale("log")
    panels[-1].set_xlabel("images")
    with replacing(picture) as temporary:
        figure.savefig(temporary, dpi=110)
    pyplot.close(figure)
    return True
