"""Several batches made at once: an accelerator makes eight batches in little more time than one.

Making composites is some two thousand small operations, and at the sizes of one batch most of the time goes into
starting them.
"""

from __future__ import annotations

import torch

from .source import Batch, Source


class Ahead:
    """A source that makes ``batches`` batches at once and deals their composites out in random order.

    What is made and not yet dealt is no part of a run's saved state: a resumed run begins with new composites.
    """

    def __init__(self, source: Source, batches: int) -> None:
        self.source, self.batches = source, batches
        self._waiting: list[Batch] = []

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, count: int, size: int, generator: torch.Generator) -> Batch:
        """As of the source. After a change of count or size, what was made before is dropped."""
        if not self._waiting or self._waiting[-1].mask.shape != (count, 1, size, size):
            made = self.source.batch(count * self.batches, size, generator)
            order = torch.randperm(count * self.batches, generator=generator, device=generator.device)
            self._waiting = [made.rows(rows) for rows in order.to(made.mask.device).split(count)]
        return self._waiting.pop()
