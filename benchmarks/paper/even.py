"""What trained attention is worth: the same weights, with the attention of a layer made equal everywhere.

    python -m benchmarks.paper.even FOLDER_OF_KINDS [--weights W ...] [--size N]

With equal attention a layer has one answer for all of a foreground: LTL the background's mean token, PTL the mean of
all blocks' appearances, which is what AdaIN takes but for the spread between blocks. The weights are not trained
again, so the loss also holds what training could have made up for: matching by region is worth at most this. Adds to
even.json, by weights and layers: the change of PSNR with its 95 % interval (bootstrap over the pairs), and how many
references a location really looks at, trained and ("first") before. ``benchmarks.paper.report`` makes the table.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from pathlib import Path

import torch

from regharm_core import HarmonizerNet
from regharm_core.pipeline import WEIGHTS_FOLDER
from regharm_core.store.checkpoint import load_network
from regharm_core.training.measuring.pairs import read_pairs
from regharm_core.training.measuring.validation import list_kinds
from regharm_core.training.tables.measure import measure

from ..helpers.looking import bootstrap, untrained, width
from ..helpers.reports import load, save

LITE = WEIGHTS_FOLDER / "regharm-lite.safetensors"
EVEN = 1e6  # a temperature at which every reference that may be consulted weighs the same


def variants(net: HarmonizerNet) -> Iterator[tuple[str, HarmonizerNet]]:
    """The network as trained, and with the attention of each layer, and of all of them, equal everywhere."""
    yield "as trained", net
    layers = [*(f"ltl.{name}" for name in net.ltl), *(["ptl"] if net.ptl is not None else [])]
    for chosen in [*([layer] for layer in layers), *([layers] if len(layers) > 1 else [])]:
        other = copy.deepcopy(net)
        for layer in chosen:
            other.get_submodule(layer).temperature = EVEN
        yield " + ".join(chosen), other


def change(before: list[float], after: list[float]) -> dict[str, float | list[float]]:
    """The mean difference of two lists of the same pairs' PSNR, its interval, and in what share it is below zero."""
    difference = torch.tensor(after, dtype=torch.float64) - torch.tensor(before, dtype=torch.float64)
    return {
        "psnr": round(float(difference.mean()), 3),
        "interval": bootstrap(difference),
        "worse_in": round(float((difference < 0).double().mean()), 3),
    }


@torch.no_grad()
def widths(net: HarmonizerNet, folder: Path) -> dict[str, float]:
    """By layer, the share of the references that a location looks at, mean over the pairs at the network's size."""
    found: dict[str, list[float]] = {}
    for kind in list_kinds(folder):
        for pair in read_pairs(kind, size=net.config.view):
            attention = net(pair.composite[None], pair.mask[None], return_attention=True).attention
            for name, looked in attention.items():
                if bool(looked.queries.valid.any()):
                    found.setdefault(name.replace("ltl", "ltl."), []).append(width(looked))
    return {name: round(sum(values) / len(values), 3) for name, values in found.items()}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", type=Path, nargs="+", default=[LITE], help="of the paper's network; default: lite")
    parser.add_argument("--size", type=int, default=256, help="px a side of the pairs")
    options = parser.parse_args()
    rows = load("even") or {}
    for path in options.weights:
        name = path.stem if path.stem != "weights" else path.parent.name  # a row's are runs/.../NAME/weights
        whole = load_network(path)[0].float().eval()
        if not isinstance(whole, HarmonizerNet):
            parser.error(f"{path} draws colour maps; the question is about the paper's network, such as {LITE}")
        looked = widths(whole, options.folder)
        first = widths(untrained(whole, list_kinds(options.folder)[0]), options.folder)
        trained: list[float] = []
        for layers, net in variants(whole):
            kinds = measure(net, options.folder, options.size).values()
            values = [psnr for kind in kinds for psnr in kind["psnr"]]
            trained = trained or values
            row = {"weights": name, "size": options.size, "pairs": len(values), "even": layers}
            row |= {"mean": round(sum(values) / len(values), 2), **change(trained, values)}
            row |= {"width": looked.get(layers), "first": first.get(layers)}
            rows[f"{name} {options.size} {layers}"] = row
            print(row, flush=True)
    save("even", rows)


if __name__ == "__main__":
    main()
