"""Random numbers for the data path, and how it avoids waiting for an accelerator.

The host fills a queue of work for the accelerator. When it asks for a number that lies there, it must wait
until the queue is empty, and then the accelerator has nothing to do. So numbers that the host needs are drawn on
the host.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor

Rows = Tensor | slice  # what picks images of a batch
ALL = slice(None)


def uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    """Uniform random numbers in [low, high) on the generator's device."""
    return torch.rand(shape, generator=generator, device=generator.device) * (high - low) + low


def host_generator(generator: torch.Generator) -> torch.Generator:
    """A generator on the host, seeded from another one's present state; that state does not change."""
    state = generator.get_state().numpy().tobytes()
    return torch.Generator().manual_seed(int.from_bytes(hashlib.blake2b(state, digest_size=7).digest(), "big"))


def host_uniform(low: float, high: float, generator: torch.Generator) -> float:
    """A uniform random number that the host needs at once, for a size."""
    if generator.device.type == "cpu":
        return float(uniform((1,), low, high, generator))
    return uniform_elsewhere(low, high, generator)


def uniform_elsewhere(low: float, high: float, generator: torch.Generator) -> float:
    """:func:`host_uniform` of another device's generator, without waiting for the device."""
    host = host_generator(generator)
    torch.rand(1, generator=generator, device=generator.device)  # moves its state on, or the next would be the same
    return float(uniform((1,), low, high, host))


def where_rows(chosen: Tensor, values: Tensor, change: Callable[[Rows], Tensor], within: slice = ALL) -> Tensor:
    """``values`` (B ...) with the images that ``chosen`` (B, boolean) marks replaced by ``change(rows)``.

    On a CPU ``change`` computes only those; elsewhere it computes all images, or all of ``within``, so that the host
    need not know which are marked.

    Args:
        chosen, values, change: see above.
        within: holds all that are marked.
    """
    if chosen.device.type != "cpu":
        return where_within(chosen, values, change, within)
    rows = chosen.nonzero()[:, 0]
    if not len(rows):
        return values
    answer = values.clone()
    answer[rows] = change(rows)
    return answer


def where_within(chosen: Tensor, values: Tensor, change: Callable[[Rows], Tensor], within: slice = ALL) -> Tensor:
    """:func:`where_rows` without asking which images are marked."""
    if not len(chosen[within]):
        return values
    part = torch.where(chosen[within].view(-1, *(1,) * (values.ndim - 1)), change(within), values[within])
    if within == ALL:
        return part
    answer = values.clone()
    answer[within] = part
    return answer


def dealt(count: int, shares: Sequence[float], offset: float) -> list[slice]:
    """``count`` images dealt out by their places in the batch: a slice for each share, together all of them.

    Args:
        count: of images.
        shares: not negative, not all 0; scaled to add up to 1.
        offset: in [0, 1), drawn, so that on average each share gets exactly its part of small batches too.
    """
    total, reached, ends = sum(shares), 0.0, [0]
    for share in shares[:-1]:
        reached += share / total
        ends.append(max(ends[-1], min(math.floor(count * reached + offset), count)))
    return [slice(first, last) for first, last in zip(ends, [*ends[1:], count], strict=True)]


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
