"""Ways from the network's small answer to the full size, and what it should be shown, on large pairs in one run.

    python -m benchmarks.full_resolution [PAIRS_FOLDER] [--weights W] [--rendered N]

PAIRS_FOLDER holds real/, composite/ and mask/ of large pictures; N rendered pairs of 2,048 px (``rendered.py``) come
on top. Unless a row says otherwise the network sees the whole picture, once. A context is the part that it is shown
instead, in sides of the foreground's box. The last table has a perfect network, which knows the truth at its own
size: what is left there is the fault of the way alone. Writes full_resolution.md beside this file and keeps what
stands there under "Reading".
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core import HarmonizerNet, harmonize, load_harmonizer
from regharm_core.picture.view import DEFAULT_CONTEXT, look, shrink
from regharm_core.pipeline import default_weights
from regharm_core.store.files import replacing
from regharm_core.training.measuring.metrics import score
from regharm_core.training.measuring.pairs import Pair, read_pairs

from .peak import Peak
from .rendered import rendered_pair

HERE = Path(__file__)
ABOUT = """Made by `python -m benchmarks.full_resolution PAIRS_FOLDER` with {weights} (a view of {view} px).
Gradient error: mean absolute difference between the neighbour differences of result and truth inside the mask, 8 bit,
which is detail lost or made up. Edge: mean squared error in a band of 8 px on either side of the mask's edge, which is
where halos lie. CPU seconds: one thread. MiB: memory of the process's own at its peak, above what it was before.
The rendered pairs (`rendered.py`) are scenes of noise in all octaves down to single pixels, two materials under one
uneven light, with an object whose colours went through gains, a gamma and a change of saturation."""
BAND = 8  # px on either side of the mask's edge
Way = Callable[[HarmonizerNet, Tensor, Tensor], Tensor]


class Oracle(torch.nn.Module):
    """Draws the truth, at the network's size only."""

    def __init__(self, pair: Pair, config: Any) -> None:
        super().__init__()
        self.config = SimpleNamespace(view=config.view, residual=True, caution=0.0)
        self.anything = torch.nn.Parameter(torch.zeros(()))
        real, composite, mask = (shrink(x[None], config.view) for x in (pair.real, pair.composite, pair.mask))
        self.answer = (real - composite) / mask.clamp_min(0.02) * (mask > 0.02)

    def forward(self, guide: Tensor, weight: Tensor, reference: Tensor | None = None, within: Any = None) -> Any:
        """The same whatever it is shown."""
        return SimpleNamespace(prediction=self.answer)


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
    sums = F.avg_pool2d(torch.cat([residual * weight, weight], dim=1), 9, 1, 4)
    inside = sums[:, :3] / sums[:, 3:].clamp_min(1e-6)
    return _grown(inside + weight * (residual - inside), image, mask)


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


def local_maps(context: float | None, mirrored: bool = False) -> Way:
    """Local affine colour maps, from a view of the foreground's surroundings or of the whole picture."""
    return lambda model, image, mask: harmonize(model, image, mask, context=context, mirrored=mirrored)


def larger_network(size: int) -> Way:
    """The network itself at a larger size, its residual enlarged."""

    def way(model: HarmonizerNet, image: Tensor, mask: Tensor) -> Tensor:
        shrunk = [F.interpolate(x, (size, size), mode="bilinear", antialias=True) for x in (image, mask)]
        return _grown(model(*shrunk).prediction, image, mask)

    return way


ENLARGING: dict[str, Way] = {
    "composite": lambda model, image, mask: image,
    "residual, enlarged": plain_residual,
    "residual, enlarged inside the mask": masked_residual,
    "one quadratic colour map": polynomial,
    "local affine maps": local_maps(None),
}
WAYS = ENLARGING | {
    "network at 512": larger_network(512),
    "network at 1024": larger_network(1024),
    "local affine maps, context 1.5": local_maps(1.5),
    f"local affine maps, context {DEFAULT_CONTEXT}": local_maps(DEFAULT_CONTEXT),
    "local affine maps, context 2": local_maps(2.0),
    "local affine maps, context 3": local_maps(3.0),
    f"default: context {DEFAULT_CONTEXT}, and the mirror image": local_maps(DEFAULT_CONTEXT, True),
}


@dataclass
class Row:
    """Means over pictures: dB, 8-bit squared errors, mean absolute gradient error (8 bit), CPU seconds; most MiB."""

    psnr: float = 0.0
    fmse: float = 0.0
    gradient: float = 0.0
    band: float = 0.0
    seconds: float = 0.0
    memory: float = 0.0


def measure(pairs: Iterable[Pair], model: HarmonizerNet, ways: dict[str, Way], *, perfect: bool = False) -> list[str]:
    """Every way on every pair, as the lines of a table."""
    rows = {name: Row() for name in ways}
    count = 0
    for pair in pairs:
        count += 1
        net: Any = Oracle(pair, model.config) if perfect else model
        band, inside, wanted = _band(pair.mask), pair.mask[0] > 0.5, _gradient(pair.real)
        for name, way in ways.items():
            with Peak() as peak, torch.inference_mode():
                began = time.process_time()
                made = way(net, pair.composite[None], pair.mask[None])[0]
                spent = time.process_time() - began
            s = score(made, pair.real, pair.mask)
            gradient = 255 * float((_gradient(made) - wanted).abs().mean((0, 1))[inside].mean())
            edge = 255**2 * float((made - pair.real).square().mean(0)[band].mean())
            r = rows[name]
            sums = (now + new for now, new in zip(astuple(r), (s.psnr, s.fmse, gradient, edge, spent), strict=False))
            rows[name] = Row(*sums, max(r.memory, peak.grown))
    lines = ["| way | PSNR, dB | fMSE | gradient error | fMSE at the edge | CPU seconds | MiB |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, r in rows.items():
        psnr, fmse, gradient, edge, seconds = (value / count for value in astuple(r)[:-1])
        lines.append(
            f"| {name} | {psnr:.2f} | {fmse:.1f} | {gradient:.3f} | {edge:.1f} | {seconds:.2f} | {r.memory:.0f} |"
        )
    return lines


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


def kept(path: Path) -> str:
    """What people wrote into a report: from the heading "Reading" on."""
    found = path.read_text(encoding="utf-8").partition("\n## Reading") if path.is_file() else ("", "", "")
    return found[1] + found[2]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="?")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--rendered", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)  # so that CPU seconds compare on a busy machine too
    path, model = options.weights or default_weights(), load_harmonizer(options.weights)
    about = ABOUT.format(weights=path.name, view=model.config.view)
    lines = [f"# Full resolution\n\n{about}"]

    def table(title: str, pairs: Iterable[Pair], ways: dict[str, Way], *, perfect: bool = False) -> None:
        lines.extend(["", f"## {title}", "", *measure(pairs, model, ways, perfect=perfect)])
        print("\n".join(lines[-len(ways) - 5 :]), flush=True)

    def rendered() -> Iterable[Pair]:
        return (rendered_pair(n) for n in range(options.rendered))

    if options.pairs is not None:
        table("Photographs of about 1,024 px", read_pairs(options.pairs), WAYS)
    if options.rendered:
        table(f"{options.rendered} rendered pairs of 2,048 px", rendered(), WAYS)
        table("The same pairs and a perfect network", rendered(), ENLARGING, perfect=True)
    report = HERE.with_suffix(".md")
    text = "\n".join(lines) + "\n" + kept(report)
    with replacing(report) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
