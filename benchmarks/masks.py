"""Masks, colours and clips as they really come, beside the same pictures as they should be.

    python -m benchmarks.masks PAIRS_FOLDER LARGE_PAIRS_FOLDER [--weights W ...]

Both hold real/, composite/ and mask/; the large ones are for clips. Everything at own size. Writes masks.json and the
table of masks.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core import Harmonizer, harmonize, load_harmonizer
from regharm_core.picture import masks as edits
from regharm_core.picture.box import bounding_box
from regharm_core.picture.describe import LUMA
from regharm_core.picture.light import decode, encode
from regharm_core.pipeline import default_weights
from regharm_core.training.measuring.pairs import Pair, read_pairs

from .helpers.reports import fill, load, save, table

FRAMES, WINDOW = 16, 448  # of a clip; px a side
OBJECTS = 40  # composites with two objects
Make = Callable[[Tensor], Tensor]


def noisy(mask: Tensor) -> Tensor:
    """An inside of 0.95 and noise of 0.03 everywhere, as a matte has."""
    noise = torch.randn(mask.shape, generator=torch.Generator().manual_seed(0)).abs() * 0.03
    return torch.where(mask > 0.5, 0.95 - noise, noise).clamp(0, 1)


def speck(value: float, mask: Tensor) -> Tensor:
    """One pixel, in the corner that is farthest from the foreground."""
    box, mask = bounding_box(mask), mask.clone()
    row, column = (-1 if a < size - b else 0 for (a, b), size in zip((box[:2], box[2:]), mask.shape[1:], strict=True))
    mask[0, row, column] = value
    return mask


def boxed(mask: Tensor) -> Tensor:
    """The bounding box, filled."""
    bounding_box(mask).of(made := torch.zeros_like(mask)).fill_(1)
    return made


def shifted(mask: Tensor) -> Tensor:
    """6 px to the right and down."""
    return F.pad(mask, (6, -6, 6, -6))


MASKS: dict[str, Make] = {
    "clean": lambda mask: mask,
    "x 0.95": lambda mask: 0.95 * mask,
    "x 0.9": lambda mask: 0.9 * mask,
    "noisy matte": noisy,
    "far speck of 1/255": partial(speck, 1 / 255),
    "far speck of 255": partial(speck, 1.0),
    "12 px loose": lambda mask: edits.grow(mask[None], 12)[0],
    "3 px eroded": lambda mask: edits.grow(mask[None], -3)[0],
    "6 px shifted": shifted,
    "box": boxed,
    "feathered by 30 px": lambda mask: edits.feather(mask[None], 30)[0],
}


def left(truth: Tensor, before: Tensor, after: Tensor, mask: Tensor) -> tuple[float, float]:
    """Squared 8-bit errors over the foreground, of the composite and of the result."""
    inside = mask[0] > 0.5
    return tuple(float((255 * (part - truth)).square().mean(0)[inside].mean()) for part in (before, after))  # type: ignore[return-value]


def percent(errors: list[tuple[float, float]]) -> str:
    """What is left of the composites' error."""
    return f"{100 * sum(after for _, after in errors) / sum(before for before, _ in errors):.1f} %"


def two_objects(model: Harmonizer, pairs: list[Pair]) -> dict[str, str]:
    """A pair beside its mirror image, whose object has the opposite error; both asked about in three ways."""
    ways: dict[str, list[tuple[float, float]]] = {"one by one": [], "together": [], "each asked alone": []}
    for pair in pairs:
        box = bounding_box(pair.mask)
        if box.left < pair.mask.shape[2] - box.right:  # so that the two are as far apart as they can be
            pair = Pair(pair.name, *(part.flip(2) for part in (pair.composite, pair.mask, pair.real)))
            box = bounding_box(pair.mask)
        if box.left < max(box.size) / 2 or len(ways["together"]) == OBJECTS:
            continue
        opposite, none = (2 * pair.real - pair.composite).clamp(0, 1), torch.zeros_like(pair.mask)
        sides = ((pair.real,) * 2, (opposite, pair.composite), (none, pair.mask), (pair.mask, none))
        real, composite, first, second = (torch.cat([a.flip(2), b], dim=2) for a, b in sides)
        both = harmonize(model, composite.expand(2, -1, -1, -1), torch.stack([first, second]))
        answers = {
            way: harmonize(model, composite[None], (first + second)[None], objects=way)[0] for way in list(ways)[:2]
        }
        answers["each asked alone"] = torch.where(first > 0.5, both[0], both[1])
        for way, answer in answers.items():
            ways[way].append(left(real, composite, answer, first + second))
    return {f"two objects in one mask, {way}": percent(found) for way, found in ways.items()}


def tints(model: Harmonizer, pairs: list[Pair]) -> str:
    """How far the mean colour of an object in a greyed picture is from grey."""
    luma, worst = torch.tensor(LUMA)[:, None, None], 0.0
    for pair in pairs:
        grey = (255 * (pair.composite * luma).sum(0)).round().expand_as(pair.composite) / 255
        mean = 255 * harmonize(model, grey[None], pair.mask[None])[0][:, pair.mask[0] > 0.5].mean(1)
        worst = max(worst, float(mean.max() - mean.min()))
    return f"{worst:.3f}"


def clip(pair: Pair, still: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Truth, composite, exact masks and jittering masks of a clip: a camera that moves, and a light that fades."""
    box, random = bounding_box(pair.mask), torch.Generator().manual_seed(0)
    frames: list[tuple[Tensor, ...]] = []
    for n in range(FRAMES):
        move = 0 if still else 6 * (n - FRAMES // 2)
        top = min(max((box.top + box.bottom - WINDOW) // 2, 0), pair.mask.shape[1] - WINDOW)
        start = min(max((box.left + box.right - WINDOW) // 2 + move, 0), pair.mask.shape[2] - WINDOW)
        fade = 1 if still else 1 - 0.4 * n / FRAMES
        cut = [part[:, top : top + WINDOW, start : start + WINDOW] for part in (pair.real, pair.composite, pair.mask)]
        grown = edits.grow(cut[2][None], int(torch.randint(-3, 4, (), generator=random)))[0]
        jitter = grown.roll(torch.randint(-3, 4, (2,), generator=random).tolist(), (1, 2))
        frames.append((encode(decode(cut[0]) * fade), encode(decode(cut[1]) * fade), cut[2], jitter))
    return tuple(torch.stack(part) for part in zip(*frames, strict=True))  # type: ignore[return-value]


def flicker(frames: Tensor, truth: Tensor, masks: Tensor) -> float:
    """Mean change of the object's mean colour from frame to frame, beyond that of the truth, in steps of 255."""
    means = [255 * (a - b)[:, m[0] > 0.5].mean(1) for a, b, m in zip(frames, truth, masks, strict=True)]
    return sum(float((after - before).abs().mean()) for before, after in pairwise(means)) / (len(means) - 1)


def clips(model: Harmonizer, pairs: list[Pair]) -> dict[str, str]:
    """Flicker and what is left, for each of the ways that frames may belong together."""
    found: dict[str, str] = {}
    made = {name: [clip(p, still) for p in pairs] for name, still in (("still", True), ("moving", False))}
    for name, some in made.items():
        for way in ("per frame", "shared", "steady"):
            errors, jumps = list[tuple[float, float]](), list[float]()
            for truth, composite, exact, jitter in some:
                answer = harmonize(model, composite, jitter, shared=way == "shared", steady=way == "steady")
                jumps.append(flicker(answer, truth, exact))
                errors += [left(*frame) for frame in zip(truth, composite, answer, exact, strict=True)]
            found[f"{name} clip, {way}"] = f"{percent(errors)}, flicker {sum(jumps) / len(jumps):.2f}"
    return found


def measure(model: Harmonizer, pairs: list[Pair], large: list[Pair]) -> dict[str, str]:
    """Every row for one network."""
    found: dict[str, str] = {}
    for name, wrong in MASKS.items():
        answers = [harmonize(model, p.composite[None], wrong(p.mask)[None])[0] for p in pairs]
        errors = [left(p.real, p.composite, answer, p.mask) for p, answer in zip(pairs, answers, strict=True)]
        found[name] = percent(errors)
    found |= two_objects(model, pairs)
    found["greyed, worst mean tint of 255"] = tints(model, pairs)
    light = [harmonize(model, decode(p.composite)[None], p.mask[None], encoding="linear")[0] for p in pairs]
    errors = [left(p.real, p.composite, encode(answer), p.mask) for p, answer in zip(pairs, light, strict=True)]
    found["linear light"] = percent(errors)
    return found | clips(model, large)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("large", type=Path)
    parser.add_argument("--weights", type=Path, nargs="+", help="default: the bundled ones")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pairs, large = list(read_pairs(options.pairs)), list(read_pairs(options.large, limit=4))
    kept = load("masks") or {}
    for path in options.weights or [default_weights()]:
        kept[path.stem] = measure(load_harmonizer(path), pairs, large)
        print(path.stem, kept[path.stem], flush=True)
    save("masks", kept)
    rows = [(name, *(found.get(name, "") for found in kept.values())) for name in next(iter(kept.values()))]
    fill("masks", {"table": table(" | ".join(["what is given", *(f">{name}" for name in kept)]), rows)})


if __name__ == "__main__":
    main()
