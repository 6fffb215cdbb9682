"""Random numbers for the data path, and how it avoids waiting for an accelerator.

The host fills a queue of work for the accelerator. When it asks for a number that lies there, it must wait
until the queue is empty, and then the accelerator has nothing to do. So numbers that the host needs are drawn on
the host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

Rows = Tensor | slice  # what picks images of a batch


def uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    """Uniform random numbers in [low, high) on the generator's device."""
    return torch.rand(shape, generator=generator, device=generator.device) * (high - low) + low


def host_generator(generator: torch.Generator) -> torch.Generator:
    """A generator on the host, seeded from another one's present state; that state does not change."""
    state = generator.get_state().numpy().tobytes()
    return torch.Generator().manual_seed(int.from_bytes(hashlib.blake2b(state, digest_size=7).digest(), "big"))


def host_uniform(low: float, high: float, generator: torch.Generator) -> float:
    """A uniform random number that the host needs at once, for a size."""
    if generator.device.type != "cpu":
        generator = host_generator(generator)
    return float(uniform((1,), low, high, generator))


def where_rows(chosen: Tensor, values: Tensor, change: Callable[[Rows], Tensor]) -> Tensor:
    """``values`` (B ...) with the images that ``chosen`` (B, boolean) marks replaced by ``change(rows)``.

    On a CPU ``change`` computes only those; elsewhere it computes all images, so that the host need not know which
    are marked.
    """
    if chosen.device.type != "cpu":
        return torch.where(chosen.view(-1, *(1,) * (values.ndim - 1)), change(slice(None)), values)
    rows = chosen.nonzero()[:, 0]
    if not len(rows):
        return values
    answer = values.clone()
    answer[rows] = change(rows)
    return answer


def pick(weight: Tensor, generator: torch.Generator) -> Tensor:
    """One index for each row, B N -> B, with chances as ``weight``; unlike torch.multinomial it never waits."""
    noise = torch.empty_like(weight).exponential_(1, generator=generator)
    return (weight / noise).argmax(1)


def constant(values: Sequence[float], like: Tensor) -> Tensor:
    """Fixed numbers as a tensor of another one's dtype and device, sent there once."""
    return _constant(tuple(values), like.dtype, like.device)


@cache
def _constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=dtype, device=device)
