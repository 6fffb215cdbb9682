"""What the training loop asks of a set of data, wherever its composites come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ...network.profiles import Rim


@dataclass(frozen=True)
class Batch:
    """Network input and truth: composite and target B 3 S S, mask B 1 S S, all in [0, 1]; kind B (0, 1, 2, 3).

    For a network that reads rims: profiles and whether they are there, see :class:`regharm_core.network.profiles.Rim`.
    """

    composite: Tensor
    mask: Tensor
    target: Tensor
    kind: Tensor
    profiles: Tensor | None = None
    there: Tensor | None = None

    @property
    def rim(self) -> Rim | None:
        """What a network that reads rims is given."""
        return None if self.profiles is None or self.there is None else Rim(self.profiles, self.there)

    @property
    def parts(self) -> dict[str, Tensor]:
        """All that is there."""
        return {name: part for name, part in vars(self).items() if part is not None}

    def each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """The same with all parts changed."""
        return Batch(**{name: change(part) for name, part in self.parts.items()})

    def rows(self, rows: Tensor | slice) -> Batch:
        """Some of the examples."""
        return self.each(lambda part: part[rows])


class Source(Protocol):
    """Gives batches. All randomness comes from the generator, so that a resumed run goes on as if never stopped."""

    def __len__(self) -> int:
        """How many photographs or composites it draws from."""
        ...

    def batch(self, count: int, size: int, generator: torch.Generator) -> Batch:
        """``count`` examples of ``size`` px a side, a multiple of 32, on the generator's device."""
        ...
