"""Ways from the network's small answer to the full size, on large pairs, in one run.

    python -m benchmarks.full_resolution [PAIRS_FOLDER] [--weights W] [--rendered N]

PAIRS_FOLDER holds real/, composite/ and mask/ of large pictures; N rendered pairs of 2,048 px (``rendered.py``) come
on top. The first five ways share the network's answer to the whole picture; a context is the part of it that the
network is shown, in sides of the foreground's box. Writes full_resolution.md beside this file.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core import HarmonizerNet, harmonize, load_harmonizer
from regharm_core.files import replacing
from regharm_core.local_map import fill_outside
from regharm_core.training.metrics import score
from regharm_core.training.pairs import Pair, read_pairs
from regharm_core.view import DEFAULT_CONTEXT, look

from .rendered import rendered_pair

BAND = 8  # px on either side of the mask's edge
Way = Callable[[HarmonizerNet, Tensor, Tensor], Tensor]


def answer(model: HarmonizerNet, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the network saw and its residual: guide, weight, residual."""
    guide, weight, _ = look(model, image, mask, None)
    return guide, weight, model(guide, weight).prediction


def _grown(residual: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    large = F.interpolate(residual, image.shape[-2:], mode="bilinear", align_corners=False)
    return (image + mask * large).clamp(0, 1)


def plain_residual(model: HarmonizerNet, image: Tensor, mask: Tensor) -> Tensor:
    """The residual, enlarged."""
    return _grown(answer(model, image, mask)[2], image, mask)


def masked_residual(model: HarmonizerNet, image: Tensor, mask: Tensor) -> Tensor:
    """The residual, enlarged from inside the mask only."""
    _, weight, residual = answer(model, image, mask)
    return _grown(fill_outside(residual, weight), image, mask)


def polynomial(model: HarmonizerNet, image: Tensor, mask: Tensor) -> Tensor:
    """One quadratic colour map for the whole foreground, fitted to the small answer."""
    guide, weight, residual = answer(model, image, mask)
    inside = weight[0, 0] > 0.5
    terms, wanted = _terms(guide[0][:, inside]), residual[0][:, inside]
    ridge = 1e-3 * torch.eye(len(terms))
    solved = torch.linalg.solve(terms @ terms.T / terms.shape[1] + ridge, terms @ wanted.T / terms.shape[1])
    change = (_terms(image[0].flatten(1)).T @ solved).T.reshape(image.shape)
    return (image + mask * change).clamp(0, 1)


def _terms(colours: Tensor) -> Tensor:
    red, green, blue = colours
    one = torch.ones_like(red)
    return torch.stack([one, red, green, blue, red**2, green**2, blue**2, red * green, green * blue, red * blue])


def local_maps(context: float | None) -> Way:
    """Local affine colour maps, from a view of the foreground's surroundings or of the whole picture."""
    return lambda model, image, mask: harmonize(model, image, mask, context=context)


def larger_network(size: int) -> Way:
    """The network itself at a larger size, its residual enlarged."""

    def way(model: HarmonizerNet, image: Tensor, mask: Tensor) -> Tensor:
        shrunk = [F.interpolate(x, (size, size), mode="bilinear", antialias=True) for x in (image, mask)]
        return _grown(model(*shrunk).prediction, image, mask)

    return way


WAYS: dict[str, Way] = {
    "composite": lambda model, image, mask: image,
    "residual, enlarged": plain_residual,
    "residual, enlarged inside the mask": masked_residual,
    "one quadratic colour map": polynomial,
    "local affine maps": local_maps(None),
    "the same, context 1.25": local_maps(1.25),
    f"the same, context {DEFAULT_CONTEXT} (default)": local_maps(DEFAULT_CONTEXT),
    "the same, context 2": local_maps(2.0),
    "the same, context 3": local_maps(3.0),
    "network at 512": larger_network(512),
    "network at 1024": larger_network(1024),
}


@dataclass
class Row:
    """Means over pictures: dB, 8-bit squared errors, mean absolute gradient error (8 bit), and seconds."""

    psnr: float = 0.0
    fmse: float = 0.0
    gradient: float = 0.0
    band: float = 0.0
    seconds: float = 0.0


def measure(pairs: Iterable[Pair], model: HarmonizerNet) -> dict[str, Row]:
    """Every way on every pair."""
    rows = {name: Row() for name in WAYS}
    count = 0
    for pair in pairs:
        count += 1
        band = _band(pair.mask)
        inside = pair.mask[0] > 0.5
        wanted = _gradient(pair.real)
        for name, way in WAYS.items():
            began = time.perf_counter()
            with torch.inference_mode():
                made = way(model, pair.composite[None], pair.mask[None])[0]
            spent = time.perf_counter() - began
            s = score(made, pair.real, pair.mask)
            gradient = 255 * float((_gradient(made) - wanted).abs().mean((0, 1))[inside].mean())
            edge = 255**2 * float((made - pair.real).square().mean(0)[band].mean())
            row = rows[name]
            for key, value in zip(Row.__dataclass_fields__, (s.psnr, s.fmse, gradient, edge, spent), strict=True):
                setattr(row, key, getattr(row, key) + value)
    return {name: Row(*(value / count for value in astuple(row))) for name, row in rows.items()}


def _gradient(picture: Tensor) -> Tensor:
    """Differences to the right and below: 2 3 H W."""
    right = F.pad(picture[..., 1:] - picture[..., :-1], (0, 1))
    below = F.pad(picture[..., 1:, :] - picture[..., :-1, :], (0, 0, 0, 1))
    return torch.stack([right, below])


def _band(mask: Tensor) -> Tensor:
    inside = (mask[None] > 0.5).float()
    wide = F.max_pool2d(inside, 2 * BAND + 1, 1, BAND)
    narrow = 1 - F.max_pool2d(1 - inside, 2 * BAND + 1, 1, BAND)
    return (wide - narrow)[0, 0] > 0


def table(title: str, rows: dict[str, Row]) -> str:
    """One Markdown table."""
    lines = [f"\n## {title}\n", "| way | PSNR, dB | fMSE | gradient error | fMSE at the edge | seconds |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, r in rows.items():
        lines.append(f"| {name} | {r.psnr:.2f} | {r.fmse:.1f} | {r.gradient:.3f} | {r.band:.1f} | {r.seconds:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="?")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--rendered", type=int, default=10)
    options = parser.parse_args()
    model = load_harmonizer(options.weights)
    lines = ["# Full resolution\n\nMade by `python -m benchmarks.full_resolution PAIRS_FOLDER`. Gradient error: mean"]
    lines[0] += (
        " absolute difference of neighbouring pixels' differences inside the mask, 8 bit; edge: 8 px on either side."
    )
    if options.pairs is not None:
        lines.append(table(f"{options.pairs.name}: photographs", measure(read_pairs(options.pairs), model)))
        print(lines[-1])
    if options.rendered:
        pairs = (rendered_pair(n) for n in range(options.rendered))
        lines.append(table(f"{options.rendered} rendered pairs of 2048 px", measure(pairs, model)))
        print(lines[-1])
    with replacing(Path(__file__).with_suffix(".md")) as temporary:
        temporary.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
