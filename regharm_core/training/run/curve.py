"""The training log as a picture."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

from ...store.files import replacing


def draw_curve(log: Path, picture: Path) -> bool:
    """Draw loss and validation over the images seen. Needs matplotlib (an extra); False where it is absent."""
    if importlib.util.find_spec("matplotlib") is None:
        return False
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    figure, (upper, lower) = pyplot.subplots(2, 1, sharex=True, figsize=(8, 7), layout="constrained")
    for axis, names, label in (
        (upper, ["loss"], "loss (Eq. 8)"),
        (lower, [n for n in rows[0] if n.startswith("val_")] if rows else [], "fMSE, % of the composite's"),
    ):
        for name in names:
            points = [(int(r["images"]), float(r[name])) for r in rows if r.get(name)]
            axis.plot(*zip(*points, strict=True), label=name) if points else None
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        axis.legend() if axis.get_legend_handles_labels()[0] else None
    upper.set_yscale("log")
    lower.set_xlabel("images")
    with replacing(picture) as temporary:
        figure.savefig(temporary, dpi=110)
    pyplot.close(figure)
    return True
