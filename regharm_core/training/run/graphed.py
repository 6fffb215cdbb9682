"""A training step recorded once on an NVIDIA GPU and then replayed (a CUDA graph).

One step is some four thousand small operations. A host needs longer to start them than the GPU to compute them; a
recorded step is started with one call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
from torch import Tensor

from ..data.source import Batch

WARM = 3  # steps run as they are before recording, so that all that is made once has been made

Step = Callable[[Batch], Tensor]


class Graphed:
    """``step`` for batches of one shape, recorded; a batch of another shape is recorded anew.

    The step must not draw random numbers, ask for values on the host or take numbers from there that change. Where
    recording fails, steps run as they are, which is said once.

    Args:
        step: Batch -> loss, a scalar; everything that it reads and writes must stay at its place in memory.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        self._shape = torch.Size()
        self._seen = 0
        self._kept: Batch | None = None
        self._loss: Tensor | None = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._refused = False

    def __call__(self, batch: Batch) -> Tensor:
        """One step; the loss it returns is overwritten by the next."""
        if batch.composite.shape != self._shape:
            self._shape, self._seen, self._graph = batch.composite.shape, 0, None
        if self._refused:
            return self.step(batch)
        if self._seen < WARM:
            self._seen += 1
            return self._beside(batch)
        if self._graph is None and not self._record(batch):
            return self.step(batch)
        if self._graph is None or self._kept is None or self._loss is None:
            raise RuntimeError("a step was replayed that was never recorded")
        for name, kept in self._kept.parts.items():
            kept.copy_(batch.parts[name])
        self._graph.replay()
        return self._loss

    def _beside(self, batch: Batch) -> Tensor:
        """As it is, but on a stream of its own: what is recorded later may use nothing of the main stream's."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            loss = self.step(batch)
        torch.cuda.current_stream().wait_stream(stream)
        return loss

    def _record(self, batch: Batch) -> bool:
        self._kept = batch.each(torch.clone)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self._loss = self.step(self._kept)
        except RuntimeError as error:
            sys.stderr.write(f"the step cannot be recorded, so it runs as it is: {error}\n")
            self._refused = True
            return False
        self._graph = graph
        return True
