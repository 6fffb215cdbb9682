"""Real pastes: objects of some photographs put into others. There is no truth; the question is what is seen.

    python -m benchmarks.pastes PHOTOGRAPHS [--pastes 60] [--weights W ...] [--sheet OUT.png]

PHOTOGRAPHS is a tar file or a folder of ID.webp and ID.png as for training, best of photographs that nothing was
trained on. The same file and number give the same pastes. The sheet shows each paste and, right of it, the answer. It
holds other people's photographs, so it is not kept here. Writes the table of pastes.md.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from regharm_core import Harmonizer, harmonize, load_harmonizer
from regharm_core.picture.box import bounding_box
from regharm_core.pipeline import default_weights
from regharm_core.training.data.photographs import Photographs, load_photographs
from regharm_core.training.measuring.metrics import score

from .helpers.reports import fill, load, save, table

SMALLEST, LARGEST = 0.03, 0.35  # an object's share of its picture
SCALE = 0.5, 0.9  # of the size that it has there
SEEN = 10.0  # root mean square change of 255 that is seen at arm's length
ACROSS = 6  # pastes beside each other in the sheet
COLUMNS = {"median": "change, median", "seen": "10 or more", "tenth": "a tenth is below", "second": "second run"}


def pastes(photographs: Photographs, count: int, seed: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """(composite 3 S S, soft mask 1 S S) in [0, 1]: a whole object of one photograph, at a random place in another."""
    random = torch.Generator().manual_seed(seed)

    def draw(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=random))

    order = torch.randperm(len(photographs), generator=random).tolist()
    scenes = reversed(order)
    made = 0
    for number in order:
        region = (photographs.labels[number] == 1).float()
        rim = torch.cat(
            [region[:, 0].flatten(), region[:, -1].flatten(), region[..., 0].flatten(), region[..., -1].flatten()]
        )
        if not SMALLEST <= float(region.mean()) <= LARGEST or bool(rim.any()):
            continue  # an object that is cut off by the border cannot stand anywhere
        if made == count:
            return
        picture, scene = photographs.images[number] / 255, photographs.images[next(scenes)] / 255
        box, scale = bounding_box(region), draw(*SCALE)
        cut = torch.cat([box.of(picture), box.of(soft(region))])
        size = [max(8, round(side * scale)) for side in cut.shape[1:]]
        cut = F.interpolate(cut[None], size, mode="bilinear", antialias=True)[0]
        y, x = (round(draw(0, whole - part)) for whole, part in zip(scene.shape[1:], size, strict=True))
        layer = torch.zeros(4, *scene.shape[1:])
        layer[:, y : y + size[0], x : x + size[1]] = cut
        mask = layer[3:]
        made += 1
        yield scene + mask * (layer[:3] - scene), mask


def soft(mask: Tensor) -> Tensor:
    """An edge of about two pixels, inside the object, where no colour of its old surroundings is left."""
    inside = 1 - F.max_pool2d(1 - mask[None], 3, 1, 1)
    return F.avg_pool2d(inside, 3, 1, 1, count_include_pad=False)[0] * mask


def measure(model: Harmonizer, made: list[tuple[Tensor, Tensor]]) -> tuple[dict[str, str], list[Tensor]]:
    """A row of the table, and the answers."""
    changes, seconds, answers = [], [], []
    for picture, mask in made:
        first = harmonize(model, picture[None], mask[None])[0]
        again = harmonize(model, first[None], mask[None])[0]
        changes.append(score(first, picture, mask).fmse ** 0.5)
        seconds.append(score(again, first, mask).fmse ** 0.5)
        answers.append(first)
    return {
        "median": f"{statistics.median(changes):.1f}",
        "seen": f"{100 * sum(change >= SEEN for change in changes) / len(changes):.0f} %",
        "tenth": f"{sorted(changes)[len(changes) // 10]:.1f}",
        "second": f"{100 * sum(seconds) / max(sum(changes), 1e-9):.0f} %",
    }, answers


def sheet(made: list[tuple[Tensor, Tensor]], answers: list[Tensor], path: Path) -> None:
    """Pastes and answers beside each other."""
    pairs = [torch.cat([picture, answer], dim=2) for (picture, _), answer in zip(made, answers, strict=True)]
    pairs += [torch.ones_like(pairs[0])] * (-len(pairs) % ACROSS)
    rows = [torch.cat(pairs[n : n + ACROSS], dim=2) for n in range(0, len(pairs), ACROSS)]
    pixels = (torch.cat(rows, dim=1).clamp(0, 1) * 255).round().byte()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(path)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--pastes", type=int, default=60)
    parser.add_argument("--weights", type=Path, nargs="+", help="default: the bundled ones")
    parser.add_argument("--sheet", type=Path, help="picture of the pastes and the last weights' answers")
    options = parser.parse_args()
    torch.set_num_threads(1)
    made = list(pastes(load_photographs([options.photographs]), options.pastes))
    kept = load("pastes") or {}
    for path in options.weights or [default_weights()]:
        kept[path.stem], answers = measure(load_harmonizer(path), made)
        print(path.stem, len(made), kept[path.stem], flush=True)
        if options.sheet:
            sheet(made, answers, options.sheet)
    save("pastes", kept)
    rows = [(name, *(row[key] for key in COLUMNS)) for name, row in kept.items()]
    fill("pastes", {"table": table(" | ".join(["weights", *(f">{n}" for n in COLUMNS.values())]), rows)})


if __name__ == "__main__":
    main()
