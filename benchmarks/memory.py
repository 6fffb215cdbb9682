"""Memory that LTL and PTL add in training, beside Tables 3 and 4 of the paper.

    python -m benchmarks.memory

One training step (forward and backward) at 256 x 256, where PTL sees 128 x 128 with C = 64 and LTL sees 16, 32 or
64 px with 512, 256 or 128 channels. Every tensor that is allocated is counted: on a CPU by watching each
operation's results until they are freed, on a GPU by the allocator's peak. "Alone" is the peak while the module runs
by itself, above what its inputs, its output's gradient and its own weights hold; "in the network" is the peak of a
whole step of RBase with the module less that of RBase. Writes memory.md beside this file, and paper/memory.json.
"""

from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from regharm_core.network.config import PTL_FRACTIONS
from regharm_core.network.ltl import LTL
from regharm_core.network.ptl import PTL
from regharm_core.network.unet import HarmonizerNet
from regharm_core.store.files import replacing
from regharm_core.training.run.losses import foreground_mse
from regharm_core.training.tables.rows import LINES, NETWORKS

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

    Args:
        module: called with features, foreground and background.
        channels, size, batch: of the feature, which lies in memory as in training (channels last).
        device: where to measure.
        share: of the picture that is foreground.
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
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    kept: dict[str, Any] = {"device": device.type, "batch": BATCHES[-1], "rows": {}}
    base = network_peak("rbase", BATCHES[-1], device)
    lines = ["# Memory\n", (__doc__ or "").split("\n\n", 2)[2], PRINT.format(device=device.type, base=base)]
    head = "| row | batch 1, alone | batch 4, alone | batch 4, in the network | largest tensor | paper |"
    for table, title in ((4, "PTL (Table 4): patch, stride"), (3, "LTL (Table 3)")):
        lines += [f"\n## {title}\n", head, "| --- | ---: | ---: | ---: | ---: | ---: |"]
        for line in (row for row in LINES if row.table == table):
            one, four = (_alone(line.network, batch, device) for batch in BATCHES)
            alone, small = sum(p for p, _ in four), sum(p for p, _ in one)
            inside = network_peak(line.network, BATCHES[-1], device) - base
            largest = max(large for _, large in one)
            row = f"| {line.label} | {small:.0f} | {alone:.0f} | {inside:.0f} | {largest:.0f} | {line.memory} |"
            print(row, flush=True)
            lines.append(row)
            kept["rows"][line.network] = {"alone": round(alone, 1), "in_network": round(inside, 1)}
    lines += ["\n## PTL at 1/8, 1/32 against the foreground's share, batch 1\n", "| share | adds |", "| ---: | ---: |"]
    for share in (0.05, 0.1, 0.2, 0.4, 0.8):
        lines.append(f"| {share} | {added(PTL(64), 64, 128, 1, device, share)[0]:.0f} |")
    lines += ["\n## Blocks that are never cut out\n", "| patch | stride | blocks K | K x C x h x w, MB |"]
    lines += ["| --- | --- | ---: | ---: |"]
    for patch, stride in PTL_FRACTIONS:
        blocks = (stride - stride // patch + 1) ** 2
        whole = blocks * 64 * (128 // patch) ** 2 * 4 / 1e6
        lines.append(f"| 1/{patch} | 1/{stride} | {blocks} | {whole:.0f} |")
    lines.append("")
    here = Path(__file__)
    for path, text in ((here.with_suffix(".md"), "\n".join(lines)), (here.parent / "paper/memory.json", _json(kept))):
        with replacing(path) as temporary:
            temporary.write_text(text)


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=1) + "\n"


PRINT = """
Measured on {device} in fp32; all figures in MB; a fifth of the picture is foreground unless said otherwise. A whole
step of RBase takes {base:.0f} MB at batch 4. "Largest tensor" is the largest single one, at batch 1. Where a row has
several modules, "alone" is the sum of their peaks, which they do not reach at once. The paper does not state how it
measured; its Table 3 (97, 120, 379 and, for all three together, 410) fits a base of 93 MB that every row contains.

What keeps it low: foreground queries only; block sums by way of cells, computed again in the backward pass instead of
kept; similarity maps of more than 4 million entries computed again in parts of a quarter of that (on a CPU; on a GPU
the fused kernel does the same).
"""


if __name__ == "__main__":
    main()
