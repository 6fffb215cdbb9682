"""What the training loop asks of a set of data, wherever its composites come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Network input and truth: composite and target B 3 S S, mask B 1 S S, all in [0, 1]; kind B (0, 1, 2)."""

    composite: Tensor
    mask: Tensor
    target: Tensor
    kind: Tensor


class Source(Protocol):
    """Gives batches. All randomness comes from the generator, so that a resumed run goes on as if never stopped."""

    def __len__(self) -> int:
        """How many photographs or composites it draws from."""
        ...

    def batch(self, count: int, size: int, generator: torch.Generator) -> Batch:
        """``count`` examples of ``size`` px a side, a multiple of 32, on the generator's device."""
        ...
