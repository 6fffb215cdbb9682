"""Does the foreground look at what it resembles? Shares of attention, against shares of area.

    python -m benchmarks.paper.regions PAIRS_FOLDER... [--photographs TAR] [--count 300] [--weights W]

PAIRS_FOLDER holds real/, composite/ and mask/. Each photograph is divided into clusters of alike colour and texture
(``clusters.py``), before its foreground's colours were moved; for each cluster that both the foreground and the
background hold, the question is which share of the attention of the foreground's part falls into the background's
part. As a control the rest of the foreground is asked the same. TAR holds photographs with region maps: half of a
region becomes the foreground, its colours are moved towards another photograph's, and the question is which share
falls into its other half. "By area" is what attention that is equal everywhere would give, by way of the same blocks.
An untrained network of the same layers is measured too, its norms fitted to the first pairs. Writes regions.json
beside this file: mean shares, their ratio and its 95 % interval (bootstrap over photographs), and how wide the
attention is.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regharm_core import HarmonizerNet
from regharm_core.network.attention import Attention
from regharm_core.pipeline import DEFAULT_WEIGHTS, WEIGHTS_FOLDER
from regharm_core.store.checkpoint import load_network
from regharm_core.store.files import replacing
from regharm_core.training.data.moves import reinhard
from regharm_core.training.data.photographs import load_photographs
from regharm_core.training.measuring.pairs import read_pairs

from .bootstrap import bootstrap
from .clusters import clusters, colour_texture

CLUSTERS = 6
FITTED_TO = 32  # pairs
HELD_BY_FOREGROUND, HELD_BY_BACKGROUND = 0.1, 0.02  # smallest shares of a cluster that is asked about
REGION = (0.06, 0.5)  # a region's share of the photograph


@dataclass(frozen=True)
class Question:
    """Where does the part ``asked`` of a foreground look, and how much of it at ``wanted``?

    All but the image (3 S S) are S S in [0, 1]; ``weight`` is the question's share in its photograph's mean.
    """

    image: Tensor
    mask: Tensor
    asked: Tensor
    wanted: Tensor
    weight: float


def mass(attention: Attention, asked: Tensor) -> Tensor:
    """How attention falls onto the cells of the background: 1 1 rows columns, summing to 1.

    A block's attention is shared out over its cells by how much background they hold.
    """
    height, width = attention.feature_size
    query = F.interpolate(asked[None, None], (height, width), mode="area")
    given = attention.contribution(query)[:, None]
    kernel = given.new_ones(1, 1, attention.key_span, attention.key_span)
    held = F.conv2d(attention.cells, kernel).clamp_min(1e-6)
    spread = F.conv_transpose2d(given / held, kernel) * attention.cells
    return spread / spread.sum().clamp_min(1e-12)


def share(attention: Attention, question: Question) -> tuple[float, float]:
    """(the wanted part's share of the attention, the same for attention that is equal everywhere)."""
    background = 1 - question.mask
    size = attention.cells.shape[-2:]
    held = F.interpolate((question.wanted * background)[None, None], size, mode="area")
    part = held / F.interpolate(background[None, None], size, mode="area").clamp_min(1e-6)
    even = replace(attention, keys=torch.zeros_like(attention.keys))
    return float((mass(attention, question.asked) * part).sum()), float((mass(even, question.asked) * part).sum())


def width(attention: Attention) -> float:
    """How many references a location really looks at, e to the entropy, as a share of those that there are."""
    rows = attention.weights()[0][attention.queries.valid[0]]  # L K
    entropy = -(rows * rows.clamp_min(1e-12).log()).sum(1)
    return float(entropy.exp().mean() / attention.allowed.sum().clamp_min(1))


def cluster_questions(
    folders: list[Path], size: int, *, moved: bool = True, rest: bool = False
) -> Iterator[list[Question]]:
    """One list a pair.

    The network is shown the composite, or the photograph itself where ``moved`` is False; where ``rest`` is True the
    foreground's other parts are asked instead of the cluster's.
    """
    for folder in folders:
        for pair in read_pairs(folder, size=size):
            owner = clusters(colour_texture(pair.real), CLUSTERS)
            inside, outside = (pair.mask[0] > 0.5).float(), (pair.mask[0] < 0.05).float()
            found: list[Question] = []
            for k in range(CLUSTERS):
                there = (owner == k).float()
                held = float((there * inside).sum() / inside.sum().clamp_min(1))
                around = float((there * outside).sum() / outside.sum().clamp_min(1))
                if held < HELD_BY_FOREGROUND or around < HELD_BY_BACKGROUND:
                    continue
                if rest and held > 1 - HELD_BY_FOREGROUND:
                    continue
                image = pair.composite if moved else pair.real
                asked = (1 - there if rest else there) * inside
                found.append(Question(image, pair.mask[0], asked, there, held))
            yield found


def region_questions(tar: Path, count: int, size: int) -> Iterator[list[Question]]:
    """Half of a region against its other half, its colours moved towards the next photograph's."""
    photographs = load_photographs([tar])
    generator = torch.Generator().manual_seed(0)
    step = max(len(photographs) // count, 1)
    for n in range(0, len(photographs), step):
        image = photographs.images[n].float() / 255
        areas = [float((photographs.labels[n, 0] == k).float().mean()) for k in range(1, 9)]
        fitting = [k for k, area in enumerate(areas, 1) if REGION[0] <= area <= REGION[1]]
        if not fitting:
            continue
        region = photographs.labels[n, 0] == fitting[0]
        rows, columns = region.nonzero().unbind(1)
        place = torch.arange(region.shape[0])
        half = region & (place[:, None] <= rows.median())
        if columns.max() - columns.min() > rows.max() - rows.min():
            half = region & (place[None] <= columns.median())
        other = photographs.images[(n + 1) % len(photographs)].float() / 255
        pixels, reference = image[:, half].T[None], other.flatten(1)[:, ::97].T[None]
        changed = image.clone()
        changed[:, half] = (0.4 * pixels + 0.6 * reinhard(pixels, pixels, reference, generator))[0].T.clamp(0, 1)
        parts = [changed, half.float()[None], (region & ~half).float()[None]]
        small = F.interpolate(torch.cat(parts)[None], (size, size), mode="bilinear", antialias=True)[0]
        yield [Question(small[:3], small[3], small[3], small[4], 1.0)]


@torch.no_grad()
def measure(nets: dict[str, HarmonizerNet], photographs: Iterator[list[Question]]) -> dict[str, list[list[float]]]:
    """For each network and layer, [share, by area, share of the references] of each photograph with a question."""
    found: dict[str, list[list[float]]] = {}
    for questions in photographs:
        if not questions:
            continue
        for name, net in nets.items():
            attention = net(questions[0].image[None], questions[0].mask[None, None], return_attention=True).attention
            for layer, looked in attention.items():
                answers = torch.tensor([share(looked, q) for q in questions])
                weight = torch.tensor([q.weight for q in questions])[:, None]
                mean = (answers * weight).sum(0) / weight.sum()
                found.setdefault(f"{name} {layer}", []).append([*mean.tolist(), width(looked)])
    return found


def summary(values: list[list[float]]) -> dict[str, float | int | list[float]]:
    """Means, the shares' ratio with its interval, in what part of the photographs the share is the larger, and which
    part of the references a location really looks at."""
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


@torch.no_grad()
def fitted(net: HarmonizerNet, folder: Path) -> HarmonizerNet:
    """An untrained network whose batch norms have seen pairs; unfitted, its tokens are too small to be told apart."""
    pairs = list(read_pairs(folder, size=net.config.view, limit=FITTED_TO))
    images, masks = torch.stack([p.composite for p in pairs]), torch.stack([p.mask for p in pairs])
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of all that is seen, not a moving one
    net.train()(images, masks)
    return net.eval()


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    path = options.weights or next(p for n in DEFAULT_WEIGHTS if (p := WEIGHTS_FOLDER / n).is_file())
    net = load_network(path)[0].float().eval()
    torch.manual_seed(0)
    nets = {"trained": net, "untrained": fitted(HarmonizerNet(net.config), options.pairs[0])}
    size = net.config.view
    sets = {
        "cluster, colours moved": cluster_questions(options.pairs, size),
        "cluster, asked from the rest of the foreground": cluster_questions(options.pairs, size, rest=True),
        "cluster, photograph as it is": cluster_questions(options.pairs, size, moved=False),
    }
    if options.photographs is not None:
        sets["other half of the region, colours moved"] = region_questions(options.photographs, options.count, size)
    kept = {"weights": path.stem, "size": size, "rows": {}}
    for name, questions in sets.items():
        for key, values in measure(nets, questions).items():
            kept["rows"][f"{name}: {key}"] = summary(values)
            print(name, key, kept["rows"][f"{name}: {key}"], flush=True)
    with replacing(Path(__file__).with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
