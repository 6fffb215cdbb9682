"""A colour change as a look-up table that any grading tool reads: the .cube format (Adobe, version 1.0)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import InputError

POINTS = 33  # a side


def write_cube(overall: Tensor, *, title: str, comments: list[str] | None = None, points: int = POINTS) -> str:
    """The text of a .cube file for ``x + A x + b``.

    The table holds the values as they are, also below 0 and above 1: readers cut them off after interpolating,
    as :func:`regharm_core.harmonize` does, and both trilinear and tetrahedral interpolation then give this map.

    Args:
        overall: 12 numbers, A row by row (9) and b (3).
        title: one line, shown by grading tools.
        comments: lines before the table.
        points: of the table, a side; 2 to 256.

    Raises:
        InputError: on another number of coefficients or points, or values that are not finite.
    """
    if overall.numel() != 12 or not bool(overall.isfinite().all()):
        raise InputError(f"overall must be 12 finite numbers, got {tuple(overall.shape)}")
    if not 2 <= points <= 256:
        raise InputError(f"points must be from 2 to 256, got {points}")
    slope, shift = overall.double()[:9].view(3, 3), overall.double()[9:]
    steps = torch.linspace(0, 1, points, dtype=torch.float64)
    blue, green, red = torch.meshgrid(steps, steps, steps, indexing="ij")  # red runs fastest
    colours = torch.stack([red, green, blue], dim=-1).flatten(0, 2)
    table = colours + colours @ slope.T + shift
    head = [f"# {_line(comment)}" for comment in comments or []]
    head += [f'TITLE "{_line(title)}"', f"LUT_3D_SIZE {points}", "DOMAIN_MIN 0.0 0.0 0.0", "DOMAIN_MAX 1.0 1.0 1.0"]
    rows = [f"{r:.7f} {g:.7f} {b:.7f}" for r, g, b in table.tolist()]
    return "\n".join([*head, *rows]) + "\n"


def _line(text: str) -> str:
    """Text that cannot end its line or its quotes."""
    return " ".join(text.split()).replace('"', "'")
