"""Batches of ready-made composites, read from disk before they are needed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import InputError
from ...media.small import read_small, read_small_mask
from .chance import host_generator
from .edges import edges_of
from .iharmony4 import Member
from .photographs import STORE_SIZE
from .source import Batch
from .windows import draw_windows, sample

LAYERS = 7  # composite 3, real 3, mask 1
ASPECT_TOLERANCE = 0.05  # pictures whose aspect ratios differ by more do not belong together


class ReadyMade:
    """Pictures are read one batch ahead, and kept in memory while there is room.

    Args:
        members: what is drawn from, of :func:`.iharmony4.list_iharmony4`.
        device: where batches are made.
        crop, close, context: the window that is shown, see :class:`.composite_config.CompositeConfig`.
        profiles: how many are read of each composite's edge, for a network that reads them.
        keep: bytes of decoded pictures to hold in memory; all of iHarmony4 takes 38 GB.
        workers: threads that decode.

    Raises:
        InputError: from ``batch``, when a picture cannot be read or does not fit its partners.
    """

    def __init__(
        self,
        members: list[Member],
        device: torch.device,
        *,
        crop: float = 0.6,
        close: float = 0.75,
        context: tuple[float, float] = (1.25, 3.0),
        profiles: int = 0,
        keep: int = 8 << 30,
        workers: int = 8,
    ) -> None:
        self.members, self.device = members, device
        self.crop, self.close, self.context, self.profiles = crop, close, context, profiles
        self._kept: dict[int, Tensor] = {}
        self._room = keep // (LAYERS * STORE_SIZE**2)
        self._pool = ThreadPoolExecutor(workers)
        self._ahead: dict[int, Future[Tensor]] = {}

    def __len__(self) -> int:
        return len(self.members)

    @torch.no_grad()
    def batch(self, count: int, size: int, generator: torch.Generator) -> Batch:
        """``count`` composites of ``size`` px: a random window, half of them mirrored."""
        host = host_generator(generator)
        index = torch.randint(len(self), (count,), generator=host).tolist()
        making = int(size * float(1 + 0.25 * torch.rand((), generator=host)))
        read = torch.stack([f.result() for f in [self._reading(n) for n in index]])  # B 7 S S
        if self.device.type == "cuda":
            read = read.pin_memory().to(self.device, non_blocking=True)
        read = read.to(self.device).float() / 255
        region = (read[:, 6:] > 0.5).float()
        windows = draw_windows(region, self.crop, self.close, self.context, generator)
        made = sample(read, windows.grid(making), "bilinear")
        edges = edges_of(made[:, :3], made[:, 6:], self.profiles) if self.profiles else ()
        made = F.interpolate(made, (size, size), mode="bilinear", antialias=True).clamp(0, 1)
        kind = torch.zeros(count, dtype=torch.long, device=self.device)
        # The next batch's pictures are known already: they follow from the generator's state now.
        following = torch.randint(len(self), (count,), generator=host_generator(generator)).tolist()
        self._ahead = {n: self._reading(n) for n in following}
        return Batch(made[:, :3], made[:, 6:], made[:, 3:6], kind, *edges)

    def _reading(self, number: int) -> Future[Tensor]:
        return self._ahead.get(number) or self._pool.submit(self._read, number)

    def _read(self, number: int) -> Tensor:
        """Composite, real image and mask of one member: 7 S S uint8."""
        if (kept := self._kept.get(number)) is not None:
            return kept
        name, composite, mask, real = self.members[number]
        opened = [_open(composite, read_small), _open(real, read_small), _open(mask, read_small_mask)]
        sizes = [own for _, own in opened]
        shapes = [width / height for width, height in sizes]
        if max(shapes) > min(shapes) * (1 + ASPECT_TOLERANCE):
            raise InputError(f"composite, real image and mask of {name} differ in shape: {', '.join(map(str, sizes))}")
        read = torch.cat([layer for layer, _ in opened])
        if len(self._kept) < self._room:
            self._kept[number] = read
        return read


def _open(path: Path, read: Callable[[Path, int], tuple[Tensor, tuple[int, int]]]) -> tuple[Tensor, tuple[int, int]]:
    """A picture squeezed to a square, C S S uint8, and its own width and height."""
    try:
        return read(path, STORE_SIZE)
    except Exception as error:  # decoders raise anything at all on a broken file
        raise InputError(f"a picture of the training data cannot be read: {path}: {error}") from None
