"""What the network should be shown, and how its small answer gets to the full size, on large pairs in one run.

    python -m benchmarks.full_resolution PAIRS_FOLDER [--weights W]

PAIRS_FOLDER holds real/, composite/ and mask/ of large pictures. The network sees the whole picture, once, unless a
row names a context: then it sees the foreground's box with its sides times that number. Writes the table of
full_resolution.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core import HarmonizerNet, harmonize, load_harmonizer
from regharm_core.picture.subjects import DEFAULT_CONTEXT
from regharm_core.pipeline import default_weights
from regharm_core.training.measuring.metrics import score
from regharm_core.training.measuring.pairs import read_pairs

from .helpers.peak import Peak
from .helpers.reports import fill, table

BAND = 8  # px on either side of the mask's edge
Way = Callable[[HarmonizerNet, Tensor, Tensor], Tensor]


def public_call(context: float | None, mirrored: bool = False) -> Way:
    """Local colour maps, from a view of the foreground's surroundings or of the whole picture (None)."""
    return lambda model, image, mask: harmonize(model, image, mask, context=context, mirrored=mirrored)


def enlarged(size: int | None = None) -> Way:
    """Eq. 7 with the network at ``size`` px, its own where None, and its residual enlarged."""

    def way(model: HarmonizerNet, image: Tensor, mask: Tensor) -> Tensor:
        side = size or model.config.view
        small = [F.interpolate(x, (side, side), mode="bilinear", antialias=True) for x in (image, mask)]
        drawn = model(*small).prediction
        residual = F.interpolate(drawn, image.shape[-2:], mode="bilinear", align_corners=False)
        return (image + mask * residual).clamp(0, 1)

    return way


WAYS: dict[str, Way] = {
    "composite": lambda model, image, mask: image,
    "residual, enlarged": enlarged(),
    "residual of the network at 512, enlarged": enlarged(512),
    "local colour maps": public_call(None),
    **{f"local colour maps, context {c:g}": public_call(c) for c in (DEFAULT_CONTEXT, 1.6, 2.0, 3.0)},
    "default: two looks": public_call(DEFAULT_CONTEXT, True),
}


def gradient(picture: Tensor) -> Tensor:
    """Differences to the right and below: 3 H W -> 2 3 H W."""
    right, below = picture[..., 1:] - picture[..., :-1], picture[..., 1:, :] - picture[..., :-1, :]
    return torch.stack([F.pad(right, (0, 1)), F.pad(below, (0, 0, 0, 1))])


def edge_band(mask: Tensor) -> Tensor:
    """Where the mask's edge is near: 1 H W -> H W."""
    inside = (mask[None] > 0.5).float()
    wide = F.max_pool2d(inside, 2 * BAND + 1, 1, BAND)
    narrow = 1 - F.max_pool2d(1 - inside, 2 * BAND + 1, 1, BAND)
    return (wide - narrow)[0, 0] > 0


def measure(folder: Path, model: HarmonizerNet) -> str:
    """Every way on every pair: means, and the most memory, as a table."""
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in WAYS}
    for pair in read_pairs(folder):
        band, inside, wanted = edge_band(pair.mask), pair.mask[0] > 0.5, gradient(pair.real)
        for name, way in WAYS.items():
            with Peak() as peak, torch.inference_mode():
                began = time.process_time()
                made = way(model, pair.composite[None], pair.mask[None])[0]
                spent = time.process_time() - began
            s = score(made, pair.real, pair.mask)
            detail = 255 * float((gradient(made) - wanted).abs().mean((0, 1))[inside].mean())
            edge = 255**2 * float((made - pair.real).square().mean(0)[band].mean())
            found[name].append((s.psnr, s.fmse, detail, edge, spent, peak.grown))
    rows: list[tuple[str, ...]] = []
    for name, values in found.items():
        *columns, memory = zip(*values, strict=True)
        means = (sum(column) / len(column) for column in columns)
        cells = (f"{mean:.{digits}f}" for mean, digits in zip(means, (2, 1, 3, 1, 2), strict=True))
        rows.append((name, *cells, f"{max(memory):.0f}"))
    return table("way | >PSNR, dB | >fMSE | >gradient error | >fMSE at the edge | >CPU seconds | >MiB", rows)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)  # so that CPU seconds compare on a busy machine too
    model, path = load_harmonizer(options.weights), options.weights or default_weights()
    made = f"Measured with {path.name}, a view of {model.config.view} px.\n\n{measure(options.pairs, model)}"
    print(made)
    fill("full_resolution", {"table": made})


if __name__ == "__main__":
    main()
