"""What a machine would need for the network's work alone: operations, bytes, and its own pace at either."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from regharm_core import HarmonizerNet


@dataclass(frozen=True)
class Work:
    """Of one pass: floating point operations (two a multiplication with addition), bytes read and written."""

    operations: float
    moved: float


@dataclass(frozen=True)
class Pace:
    """What a device does in a second at its best: operations of a large matrix product, bytes of a large copy."""

    operations: float
    moved: float

    def floor(self, work: Work) -> float:
        """Seconds below which this work cannot be done here, unless layers are fused."""
        return max(work.operations / self.operations, work.moved / self.moved)


class _Bytes(TorchDispatchMode):
    """Adds up what every operation reads and writes; views move nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if not func.is_view:
            parts = [part for part in tree_leaves((args, kwargs, made)) if isinstance(part, Tensor)]
            self.total += sum(part.numel() * part.element_size() for part in parts)
        return made


def network_work(model: HarmonizerNet, image: Tensor, mask: Tensor, *, within: Any = None) -> Work:
    """Of one pass over a batch at the network's own size, counted; ``within`` as for the network."""
    with torch.no_grad(), FlopCounterMode(display=False) as operations, _Bytes() as moved:
        model(image, mask, within=within)
    return Work(operations.get_total_flops(), moved.total)


def pace(device: str, dtype: torch.dtype) -> Pace:
    """Measured: the best of ten."""
    side = 8192 if device.startswith("cuda") else 1024
    first = torch.randn(side, side, device=device, dtype=dtype)
    second, copied = torch.randn_like(first), torch.empty(1 << 26, device=device, dtype=torch.uint8)
    source = torch.zeros_like(copied)
    product = _best(lambda: first @ second, device)
    copy = _best(lambda: copied.copy_(source), device)
    return Pace(2 * side**3 / product, 2 * copied.numel() / copy)


def _best(work: Any, device: str) -> float:
    spent: list[float] = []
    for _ in range(11):
        began = time.perf_counter()
        work()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        spent.append(time.perf_counter() - began)
    return min(spent[1:])
