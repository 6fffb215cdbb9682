"""What each of two processes runs under torchrun; the test runs the same alone. No test by itself.

torchrun --nproc-per-node 2 tests/training/shared_batches.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist

from regharm_core import HarmonizerConfig
from regharm_core.training.data.source import Batch
from regharm_core.training.run import loop
from regharm_core.training.run.distributed import World, alone, joined
from regharm_core.training.run.recipe import Phase, Recipe

GLOBAL = 4  # examples of all processes together
STEPS, STOP = 6, 3
CPU = torch.device("cpu")


class SharedBatches:
    """The n-th batch is the same for any number of processes; each takes its own rows of it."""

    def __init__(self, world: World, done: int = 0) -> None:
        self.world, self.done = world, done

    def __len__(self) -> int:
        return GLOBAL

    def batch(self, count: int, size: int, generator: torch.Generator) -> Batch:
        random = torch.Generator().manual_seed(100 + self.done)
        target = torch.rand(GLOBAL, 3, 4, 4, generator=random)
        target = torch.nn.functional.interpolate(target, (size, size), mode="bilinear")
        mask = torch.zeros(GLOBAL, 1, size, size)
        mask[..., 10:40, 20:50] = 1
        if self.done == 1:
            mask[GLOBAL // 2 :] = 1  # the second process sees no background at all
        composite = (target + 0.2 * mask * torch.rand(GLOBAL, 3, 1, 1, generator=random)).clamp(0, 1)
        self.done += 1
        rows = slice(self.world.rank * count, (self.world.rank + 1) * count)
        return Batch(composite[rows], mask[rows], target[rows], torch.zeros(count, dtype=torch.long))


def recipe(out: Path, **terms: bool) -> Recipe:
    model = HarmonizerConfig(width=2, refine=(0, 0, 0, 0), view=64)
    phases = (Phase(64, GLOBAL, 1.0),)
    return Recipe(data=("made",), out=str(out), model=model, phases=phases, steps=STEPS, warmup=10, threads=1, **terms)


def run(folder: Path, world: World) -> None:
    """Six steps in one go, three and three, and six in which each process has its own batch statistics."""
    loop.LOG_EVERY = 0.0
    whole, parts = recipe(folder / "whole"), recipe(folder / "parts")
    loop.train(whole, CPU, world=world, source=SharedBatches(world))
    advance = loop._Run._advance

    def stopped(self: loop._Run) -> torch.Tensor:
        if self.step == STOP:
            self.save()
            raise KeyboardInterrupt
        return advance(self)

    loop._Run._advance = stopped
    try:
        loop.train(parts, CPU, world=world, source=SharedBatches(world))
    except KeyboardInterrupt:
        pass
    loop._Run._advance = advance
    if world.size > 1:
        dist.barrier()  # the first process has written the state
    loop.train(parts, CPU, world=world, source=SharedBatches(world, STOP))
    loop.train(recipe(folder / "own", shared_statistics=False), CPU, world=world, source=SharedBatches(world))


ALONE = alone(CPU)

if __name__ == "__main__":
    with joined(CPU) as found:
        run(Path(sys.argv[1]) / f"of{found.size}", found)
