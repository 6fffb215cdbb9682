"""Memory that LTL and PTL add in training, beside Tables 3 and 4 of the paper.

    python -m benchmarks.memory

One training step (forward and backward) at 256 x 256. Every tensor that is allocated is counted: on a CPU by watching
each operation's results until they are freed, on a GPU by the allocator's peak. memory.md says what is meant by its
columns; its tables are written here.
"""

from __future__ import annotations

import argparse
import gc
import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from regharm_core.network.ltl import LTL
from regharm_core.network.ptl import PTL
from regharm_core.network.unet import HarmonizerNet
from regharm_core.training.run.losses import foreground_mse
from regharm_core.training.tables.rows import LINES, NETWORKS

from .helpers.reports import fill, table

BATCHES = (1, 4)
SHARE = 0.2  # of the picture that is foreground
LTL_CHANNELS = {16: 512, 32: 256, 64: 128}


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of storages that operations have made and nobody has dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = self.largest = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {x.untyped_storage()._cdata for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and tensor.untyped_storage()._cdata not in given | self.known:
                self._watch(tensor.untyped_storage())
        return result

    def _watch(self, storage: torch.UntypedStorage) -> None:
        size, key = storage.nbytes(), storage._cdata
        self.known.add(key)
        self.now += size
        self.peak, self.largest = max(self.peak, self.now), max(self.largest, size)
        weakref.finalize(storage, self._free, key, size)

    def _free(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size


def _peak(step: Any, device: torch.device) -> tuple[float, float]:
    """(peak, largest single tensor) in MB of what a call allocates; the latter is unknown on a GPU."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return (torch.cuda.max_memory_allocated() - before) / 1e6, float("nan")
    with LiveBytes() as live:
        step()
    return live.peak / 1e6, live.largest / 1e6


def _foreground(batch: int, size: int, share: float, device: torch.device) -> Tensor:
    mask = torch.zeros(batch, 1, size, size, device=device)
    mask[..., : max(round(size * share), 1), :] = 1
    return mask


def added(
    module: nn.Module, channels: int, size: int, batch: int, device: torch.device, share: float = SHARE
) -> tuple[float, float]:
    """(peak, largest single tensor) in MB that one training step of the module adds by itself.

    It is given a feature of ``batch`` x ``channels`` x ``size`` x ``size``, which lies in memory as in training
    (channels last), and a foreground that takes ``share`` of it.
    """
    module = module.to(device)
    features = torch.randn(batch, channels, size, size, device=device)
    features = features.contiguous(memory_format=torch.channels_last).requires_grad_()
    foreground = _foreground(batch, size, share, device)
    background, gradient = 1 - foreground, torch.randn_like(features)
    return _peak(lambda: module(features, foreground, background)[0].backward(gradient), device)


def network_peak(network: str, batch: int, device: torch.device, size: int = 256) -> float:
    """Peak in MB of one training step of a row's whole network at full width."""
    net = HarmonizerNet(NETWORKS[network]).to(device).to(memory_format=torch.channels_last).train()  # pyright: ignore
    image = torch.rand(batch, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)
    target, mask = torch.rand_like(image), _foreground(batch, size, SHARE, device)
    return _peak(lambda: foreground_mse(net(image, mask).image, target, mask).backward(), device)[0]


def _alone(network: str, batch: int, device: torch.device) -> list[tuple[float, float]]:
    """Peak and largest tensor of each of a row's modules by itself."""
    config = NETWORKS[network]
    found = [added(LTL(LTL_CHANNELS[s]), LTL_CHANNELS[s], s, batch, device) for s in config.ltl]
    if config.translation == "ptl":
        found.append(added(PTL(64, config.ptl_patch, config.ptl_stride), 64, 128, batch, device))
    return found


def main() -> None:
    """Measure, print and write."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    most = BATCHES[-1]
    base = network_peak("rbase", most, device)
    about = f"Measured on {device.type} in fp32. A whole step of RBase takes {base:.0f} MB at batch {most}."
    parts, below = {"about": about}, True
    head = f"row | >batch 1, alone | >batch {most}, alone | >batch {most}, in the network | >largest tensor | >paper"
    for number in (3, 4):
        rows: list[list[object]] = []
        for line in (one for one in LINES if one.table == number):
            one, several = (_alone(line.network, batch, device) for batch in BATCHES)
            alone, inside = sum(peak for peak, _ in several), network_peak(line.network, most, device) - base
            figures = (sum(peak for peak, _ in one), alone, inside, max(large for _, large in one))
            rows.append([line.label, *(f"{figure:.0f}" for figure in figures), line.memory])
            print(rows[-1], flush=True)
            below = below and max(alone, inside) < line.memory
        parts[f"table {number}"] = table(head, rows)
    parts["about"] += f" In every row ours is below the paper's: {'yes' if below else 'no'}."
    fill("memory", parts)


if __name__ == "__main__":
    main()
