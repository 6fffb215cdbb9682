"""What LTL, PTL and the rim reader are worth in a trained network: it is measured with them switched off, in one run.

    python -m benchmarks.parts PAIRS_FOLDER [--weights W ...]

PAIRS_FOLDER holds one folder of pairs (real/, composite/, mask/) a kind, or is iHarmony4. Beside these pairs, each real
picture of the first kind becomes a composite of two parts: a disc lies across two things of that picture, one of which
is made lighter and warmer in it, the other darker and cooler. Around the disc there is more of both, so whoever looks
at what is alike knows what to do. One map for the whole disc does not suffice: the table says how much of the error
the best one leaves (least squares against the truth). Writes the table of parts.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core import Harmonizer, harmonize, load_harmonizer
from regharm_core.pipeline import default_weights
from regharm_core.training.measuring.metrics import mean_score, score
from regharm_core.training.measuring.pairs import Pair, read_pairs
from regharm_core.training.measuring.validation import list_kinds

from .helpers.clusters import clusters, colour_texture
from .helpers.reports import fill, load, save, table

SIZE = 256  # px
RADIUS = 0.2  # of the disc, in the picture's side
LEAST = 0.25  # share that each of both things has, inside the disc and outside
LIGHTER, DARKER = (1.3, 1.15, 1.0), (0.65, 0.75, 0.85)  # what red, green and blue are multiplied with
SOFT = 9  # px over which one change goes over into the other
TWO = "two parts"
NOTHING, BEST = "nothing", "one map at best"
RIM, LTL, PTL = "rim", "LTL", "PTL"  # in lower case, what the network calls them
OFF = ((), (PTL,), (LTL,), (LTL, PTL), (RIM,), (RIM, PTL), (RIM, LTL), (RIM, LTL, PTL))


def two_parts(pairs: Sequence[Pair]) -> Iterator[Pair]:
    """Composites of two parts, of those pictures that have two things beside each other; every other time the other
    one is made lighter."""
    made = 0
    for pair in pairs:
        side = min(pair.real.shape[1:])
        radius = round(RADIUS * side)
        first = (clusters(colour_texture(pair.real), 2) == 0).float()[None]
        ramp = torch.arange(-radius, radius + 1)
        disc = (ramp[:, None].square() + ramp.square() <= radius**2).float()
        held = F.conv2d(first[None], disc[None, None] / disc.sum())[0, 0]  # of the first thing, wherever the disc lies
        y, x = divmod(int((held - 0.5).abs().argmin()), held.shape[1])
        mask = torch.zeros_like(first)
        mask[:, y : y + len(ramp), x : x + len(ramp)] = disc
        inside, outside = (float((first * part).sum() / part.sum()) for part in (mask, 1 - mask))
        if not all(LEAST <= share <= 1 - LEAST for share in (inside, outside)):
            continue
        change = [torch.tensor(gains)[:, None, None] for gains in ((LIGHTER, DARKER), (DARKER, LIGHTER))[made % 2]]
        padded = F.pad(first[None], (SOFT // 2,) * 4, mode="replicate")
        share = F.avg_pool2d(padded, SOFT, 1)[0]
        moved = pair.real * (share * change[0] + (1 - share) * change[1])
        made += 1
        yield Pair(pair.name, torch.where(mask > 0, moved.clamp(0, 1), pair.real), mask, pair.real)


def switched_off(model: Harmonizer, parts: Sequence[str]) -> bool:
    """Switch parts off. False: the network has not got all of them."""
    names = [part.lower() for part in parts]
    if any(getattr(model, name, None) is None for name in names):
        return False
    for name in names:
        setattr(model, name, None)
    return True


def one_map(pair: Pair) -> Tensor:
    """What is nearest to the truth of all that one affine map makes of the foreground, 3 H W."""
    there, best = pair.mask[0] > 0.5, pair.composite.clone()
    if not there.any():
        return best
    given = torch.cat([pair.composite, torch.ones_like(pair.mask)])[:, there].T.double()
    fitted = torch.linalg.lstsq(given, pair.real[:, there].T.double(), driver="gelsd").solution
    best[:, there] = (given @ fitted).T.float().clamp(0, 1)
    return best


def left(answers: Sequence[Tensor], pairs: Sequence[Pair]) -> str:
    """fMSE in percent of the composites'."""
    after = mean_score([score(answer, pair.real, pair.mask) for answer, pair in zip(answers, pairs, strict=True)])
    before = mean_score([score(pair.composite, pair.real, pair.mask) for pair in pairs])
    return f"{100 * after.fmse / before.fmse:.1f} %"


def measure(path: Path, kinds: dict[str, list[Pair]]) -> dict[str, dict[str, str]]:
    """What weights leave of each kind, by what is switched off."""
    found = {}
    for parts in OFF:
        model = load_harmonizer(path)
        if switched_off(model, parts):
            found[", ".join(parts) or NOTHING] = {
                kind: left([harmonize(model, pair.composite[None], pair.mask[None])[0] for pair in pairs], pairs)
                for kind, pairs in kinds.items()
            }
    return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--weights", type=Path, nargs="+", help="default: the bundled ones")
    options = parser.parse_args()
    torch.set_num_threads(1)
    kinds = {kind.name: list(read_pairs(kind, size=SIZE)) for kind in list_kinds(options.pairs)}
    if made := list(two_parts(next(iter(kinds.values())))):
        kinds[TWO] = made
    kept = load("parts") or {}
    kept[BEST] = {NOTHING: {kind: left([one_map(pair) for pair in pairs], pairs) for kind, pairs in kinds.items()}}
    for path in options.weights or [default_weights()]:
        kept[path.stem] = measure(path, kinds)
        print(path.stem, {kind: len(pairs) for kind, pairs in kinds.items()}, kept[path.stem], flush=True)
    save("parts", kept)
    names = list(dict.fromkeys(kind for rows in kept.values() for row in rows.values() for kind in row))
    rows = [(who, off, *(row.get(n, "") for n in names)) for who, found in kept.items() for off, row in found.items()]
    fill("parts", {"table": table(" | ".join(["", "switched off", *(f">{name}" for name in names)]), rows)})


if __name__ == "__main__":
    main()
