"""Memory that PTL and LTL add, beside Tables 3 and 4 of the paper.

    python -m benchmarks.memory

Measured in training (forward and backward) for 256 x 256 pictures, where PTL sees 128 x 128 with C = 64 and
LTL sees 16, 32 or 64 px with 512, 256 or 128 channels. Every tensor that is allocated is counted: on a CPU by
watching each operation's results until they are freed, on a GPU by the allocator's peak. "Adds" is the peak while
the module runs above what its inputs and its own weights hold. Writes memory.md beside this file.
"""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from regharm_core.config import PTL_FRACTIONS
from regharm_core.files import replacing
from regharm_core.ltl import LTL
from regharm_core.ptl import PTL

BATCHES = (1, 4)
PAPER_PTL = {(4, 4): 175, (4, 8): 214, (4, 16): 348, (8, 8): 169, (8, 16): 230, (8, 32): 463}
PAPER_LTL = {16: 97, 32: 120, 64: 379}
PAPER_BASE = 93  # (97 + 120 + 379 - 410) / 2
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


def added(
    module: nn.Module, channels: int, size: int, batch: int, device: torch.device, share: float = 0.2
) -> tuple[float, float]:
    """(peak, largest single tensor) in MB that one training step of the module adds.

    Args:
        module: called with features, foreground and background.
        channels, size, batch: of the feature.
        device: where to measure.
        share: of the picture that is foreground.
    """
    module = module.to(device)
    features = torch.randn(batch, channels, size, size, device=device, requires_grad=True)
    foreground = torch.zeros(batch, 1, size, size, device=device)
    foreground[..., : max(round(size * share), 1), :] = 1
    background = 1 - foreground
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        module(features, foreground, background)[0].square().sum().backward()
        return (torch.cuda.max_memory_allocated() - before) / 1e6, float("nan")
    with LiveBytes() as live:
        module(features, foreground, background)[0].square().sum().backward()
    return live.peak / 1e6, live.largest / 1e6


def main() -> None:
    """Measure, print and write."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    lines = ["# Memory\n", (__doc__ or "").split("\n\n", 2)[2], PRINT.format(device=device.type)]
    lines += ["## PTL (Table 4): 128 x 128, C = 64\n"]
    lines += ["| patch | stride | blocks K | batch 1 | batch 4 | largest tensor | K x C x h x w alone | paper |"]
    lines += ["| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for patch, stride in PTL_FRACTIONS:
        one, largest = added(PTL(64, patch, stride), 64, 128, 1, device)
        four, _ = added(PTL(64, patch, stride), 64, 128, 4, device)
        blocks = (stride - stride // patch + 1) ** 2
        whole = blocks * 64 * (128 // patch) ** 2 * 4 / 1e6
        row = f"| 1/{patch} | 1/{stride} | {blocks} | {one:.0f} | {four:.0f} | {largest:.0f} | {whole:.0f} |"
        lines.append(f"{row} {PAPER_PTL[patch, stride]} |")
    lines += ["\n## PTL at 1/8, 1/32 against the foreground's share, batch 1\n", "| share | adds |", "| ---: | ---: |"]
    for share in (0.05, 0.1, 0.2, 0.4, 0.8):
        lines.append(f"| {share} | {added(PTL(64), 64, 128, 1, device, share)[0]:.0f} |")
    lines += ["\n## LTL (Table 3)\n", "| at | channels | batch 1 | batch 4 | paper | paper less its base |"]
    lines += ["| ---: | ---: | ---: | ---: | ---: | ---: |"]
    for size, channels in LTL_CHANNELS.items():
        one, four = (added(LTL(channels), channels, size, batch, device)[0] for batch in BATCHES)
        row = f"| {size} | {channels} | {one:.0f} | {four:.0f} |"
        lines.append(f"{row} {PAPER_LTL[size]} | {PAPER_LTL[size] - PAPER_BASE} |")
    lines.append("")
    print("\n".join(lines))
    with replacing(Path(__file__).with_suffix(".md")) as temporary:
        temporary.write_text("\n".join(lines))


PRINT = """
Measured on {device} in fp32; all figures in MB; a fifth of the picture is foreground unless said otherwise.
"Largest tensor" is the largest single one, at batch 1; "K x C x h x w alone" is what the blocks of Eq. 3 would hold
if they were cut out, at batch 1. The paper does not state its batch; its Table 3 (97, 120, 379 and, for all three
together, 410) fits a base of 93 MB and modules of 4, 27 and 286 MB, which is what attention maps take at batch 1.
"""


if __name__ == "__main__":
    main()
