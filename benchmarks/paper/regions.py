"""Does the foreground look at what it resembles? Shares of attention, against shares of area.

    python -m benchmarks.paper.regions PAIRS_FOLDER... [--weights W]

PAIRS_FOLDER holds real/, composite/ and mask/. Each photograph is divided into clusters of alike colour and texture,
before its foreground's colours were moved. Where both the foreground and the background hold a cluster, the question
is which share of the attention of the foreground's part falls into the background's part. As a control the rest of
the foreground is asked the same. "By area" is what attention that is equal everywhere would give, by way of the same
blocks. An untrained network of the same layers is measured too. Writes regions.json: mean shares, their ratio and its
95 % interval (bootstrap over photographs), and how wide the attention is. ``benchmarks.paper.report`` makes the table.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core import HarmonizerNet
from regharm_core.network.attention import Attention
from regharm_core.pipeline import default_weights
from regharm_core.store.checkpoint import load_network
from regharm_core.training.measuring.pairs import Pair, read_pairs

from ..helpers.clusters import clusters, colour_texture
from ..helpers.looking import bootstrap, untrained, width
from ..helpers.reports import save

CLUSTERS = 6
HELD_BY_FOREGROUND, HELD_BY_BACKGROUND = 0.1, 0.02  # smallest shares of a cluster that is asked about
ALIKE, REST = "colours moved", "asked from the rest of the foreground"


@dataclass(frozen=True)
class Question:
    """Where does the part ``asked`` of a foreground look, and how much of it at ``wanted``?

    Both are S S in [0, 1]; ``weight`` is the question's share in its photograph's mean.
    """

    asked: Tensor
    wanted: Tensor
    weight: float


def questions(pair: Pair) -> dict[str, list[Question]]:
    """What a pair is asked, by kind of question: of the part that is alike, and as a control of the rest."""
    owner = clusters(colour_texture(pair.real), CLUSTERS)
    inside, outside = (pair.mask[0] > 0.5).float(), (pair.mask[0] < 0.05).float()
    found: dict[str, list[Question]] = {ALIKE: [], REST: []}
    for k in range(CLUSTERS):
        there = (owner == k).float()
        held = float((there * inside).sum() / inside.sum().clamp_min(1))
        around = float((there * outside).sum() / outside.sum().clamp_min(1))
        if held < HELD_BY_FOREGROUND or around < HELD_BY_BACKGROUND:
            continue
        found[ALIKE].append(Question(there * inside, there, held))
        if held <= 1 - HELD_BY_FOREGROUND:
            found[REST].append(Question((1 - there) * inside, there, held))
    return found


def mass(attention: Attention, asked: Tensor) -> Tensor:
    """How attention falls onto the cells of the background: 1 1 rows columns, summing to 1.

    A block's attention is shared out over its cells by how much background they hold.
    """
    query = F.interpolate(asked[None, None], attention.feature_size, mode="area")
    given = attention.contribution(query)[:, None]
    kernel = given.new_ones(1, 1, attention.key_span, attention.key_span)
    held = F.conv2d(attention.cells, kernel).clamp_min(1e-6)
    spread = F.conv_transpose2d(given / held, kernel) * attention.cells
    return spread / spread.sum().clamp_min(1e-12)


def share(attention: Attention, background: Tensor, question: Question) -> tuple[float, float]:
    """(the wanted part's share of the attention, the same for attention that is equal everywhere)."""
    size = attention.cells.shape[-2:]
    held = F.interpolate((question.wanted * background)[None, None], size, mode="area")
    part = held / F.interpolate(background[None, None], size, mode="area").clamp_min(1e-6)
    even = replace(attention, keys=torch.zeros_like(attention.keys))
    return float((mass(attention, question.asked) * part).sum()), float((mass(even, question.asked) * part).sum())


@torch.no_grad()
def answers(net: HarmonizerNet, pair: Pair, asked: list[Question]) -> dict[str, list[float]]:
    """By layer: share, share by area, and how wide the attention is; a pair's mean over its questions."""
    found: dict[str, list[float]] = {}
    for layer, looked in net(pair.composite[None], pair.mask[None], return_attention=True).attention.items():
        shares = torch.tensor([share(looked, 1 - pair.mask[0], question) for question in asked])
        weight = torch.tensor([question.weight for question in asked])[:, None]
        found[layer] = [*((shares * weight).sum(0) / weight.sum()).tolist(), width(looked)]
    return found


def summary(values: list[list[float]]) -> dict[str, float | int | list[float]]:
    """Means over photographs, the shares' ratio with its interval, and how often the share is the larger."""
    pairs = torch.tensor(values, dtype=torch.float64)  # N 3
    looked, expected, seen = pairs.mean(0).tolist()
    return {
        "photographs": len(pairs),
        "share": round(looked, 4),
        "by_area": round(expected, 4),
        "ratio": round(looked / expected, 3),
        "interval": bootstrap(pairs, lambda means: means[:, 0] / means[:, 1]),
        "larger_in": round(float((pairs[:, 0] > pairs[:, 1]).double().mean()), 3),
        "width": round(seen, 3),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    path = options.weights or default_weights()
    net = load_network(path)[0].float().eval()
    nets = {"trained": net, "untrained": untrained(net, options.pairs[0])}
    found: dict[str, list[list[float]]] = {}
    for folder in options.pairs:
        for pair in read_pairs(folder, size=net.config.view):
            for kind, asked in questions(pair).items():
                for name, one in nets.items() if asked else ():
                    for layer, values in answers(one, pair, asked).items():
                        found.setdefault(f"cluster, {kind}: {name} {layer}", []).append(values)
    rows = {name: summary(values) for name, values in sorted(found.items())}
    for name, row in rows.items():
        print(name, row)
    save("regions", {"weights": path.stem, "size": net.config.view, "rows": rows})


if __name__ == "__main__":
    main()
