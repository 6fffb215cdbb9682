"""Composites shown twice: making one costs a CPU about as much as learning from it.

Choi et al., "Faster Neural Network Training with Data Echoing" (2019). A composite comes back some batches later,
mirrored and under another light, so that it is not the same picture.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .chance import host_uniform, uniform
from .source import Batch, Source

WAITING = 8  # batches among which the one that comes back is drawn
STOPS, CAST = 0.4, 0.12  # of the other light: overall and each channel's, at most, in powers of two


class Echo:
    """A source of which each composite is seen a second time: half of a batch is new, half comes back.

    What waits to come back is no part of a run's saved state: a resumed run begins with new composites.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._waiting: list[Batch] = []

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, count: int, size: int, generator: torch.Generator) -> Batch:
        """As of the source. At first, and after a change of size, all composites are new."""
        half = count // 2
        self._waiting = [b for b in self._waiting if b.mask.shape[-1] == size and len(b.mask) >= half]
        if len(self._waiting) < WAITING or not half:
            new = self.source.batch(count, size, generator)
            self._waiting.append(new)
            return new
        new = self.source.batch(count - half, size, generator)
        old = self._waiting.pop(int(host_uniform(0, len(self._waiting), generator)))
        self._waiting.append(new)
        old = seen_again(old.rows(slice(half)), generator)
        return Batch(**{name: torch.cat([part, old.parts[name]]) for name, part in new.parts.items()})


def seen_again(batch: Batch, generator: torch.Generator) -> Batch:
    """The same composites mirrored, they and their targets under the same other light."""
    count = len(batch.mask)
    stops = uniform((count, 1, 1, 1), -STOPS, STOPS, generator) + uniform((count, 3, 1, 1), -CAST, CAST, generator)
    light = stops.exp2()

    def seen(picture: Tensor) -> Tensor:
        return (picture.flip(3) * light).clamp(0, 1)

    profiles = batch.profiles
    if profiles is not None:
        colours = (profiles[..., :3] * light[:, None, None, :, 0, 0]).clamp(0, 1)
        profiles = torch.cat([colours, profiles[..., 3:]], dim=-1)
    return Batch(seen(batch.composite), batch.mask.flip(3), seen(batch.target), batch.kind, profiles, batch.there)
