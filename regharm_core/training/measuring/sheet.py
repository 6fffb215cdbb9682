"""Before, after and truth of a few pictures on one page, to look at while a run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ...store.files import replacing

TILE = 192  # px, the longer side of a picture


def draw_sheet(rows: Sequence[tuple[Tensor, ...]], picture: Path, *, columns: int = 2) -> None:
    """Write pictures in rows (each a tuple of 3 H W in [0, 1]), ``columns`` rows beside each other, as PNG."""
    across = max((len(row) for row in rows), default=1)
    lines = -(-len(rows) // columns)
    page = Image.new("RGB", (columns * (across * TILE + 8) - 8, max(lines, 1) * (TILE + 4) - 4), "white")
    for n, row in enumerate(rows):
        for k, values in enumerate(row):
            tile = Image.fromarray((values.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy())
            tile.thumbnail((TILE - 2, TILE - 2))
            page.paste(tile, (n % columns * (across * TILE + 8) + k * TILE, n // columns * (TILE + 4)))
    with replacing(picture) as temporary:
        page.save(temporary, "PNG")
