"""Composites shown twice: each comes back once, mirrored and relit alike in composite and target."""

from __future__ import annotations

import torch

from regharm_core.network.profiles import SAMPLES
from regharm_core.training.data.echo import CAST, STOPS, WAITING, Echo, seen_again
from regharm_core.training.data.source import Batch


class Numbered:
    """Composites that are told apart by their kind: 0, 1, 2, ..."""

    def __init__(self) -> None:
        self.made = 0

    def __len__(self) -> int:
        return 7

    def batch(self, count: int, size: int, generator: torch.Generator) -> Batch:
        numbers = torch.arange(self.made, self.made + count)
        self.made += count
        composite, target = torch.rand(2, count, 3, size, size, generator=generator)
        mask = torch.rand(count, 1, size, size, generator=generator)
        profiles = torch.rand(count, 5, SAMPLES, 4, generator=generator)
        return Batch(composite, mask, target, numbers, profiles, numbers % 2 == 0)


def test_each_composite_comes_at_most_twice_and_half_of_them_do() -> None:
    source, random = Numbered(), torch.Generator().manual_seed(1)
    echo = Echo(source)
    seen = torch.cat([echo.batch(6, 64, random).kind for _ in range(60)])
    assert len(echo) == 7 and len(seen) == 360
    assert source.made == WAITING * 6 + (60 - WAITING) * 3  # all new at first, then half
    assert seen.bincount().max() == 2 and (seen.bincount() == 2).sum() == (60 - WAITING) * 3
    first, second = (int((seen == 60).nonzero()[n, 0]) // 6 for n in (0, 1))
    assert second > first  # in a later batch


def test_another_size_or_a_single_composite_is_new() -> None:
    source, random = Numbered(), torch.Generator().manual_seed(2)
    echo = Echo(source)
    for _ in range(WAITING):
        echo.batch(4, 64, random)
    assert echo.batch(4, 96, random).composite.shape == (4, 3, 96, 96)
    assert source.made == 4 * WAITING + 4
    assert len(echo.batch(1, 96, random).kind) == 1


def test_what_comes_back_is_mirrored_and_relit_alike() -> None:
    random = torch.Generator().manual_seed(3)
    batch = Numbered().batch(5, 64, random)
    again = seen_again(batch, random)
    assert torch.equal(again.mask, batch.mask.flip(3)) and torch.equal(again.kind, batch.kind)
    for n in range(5):
        for channel in range(3):
            lights: list[float] = []
            for before, after in ((batch.composite, again.composite), (batch.target, again.target)):
                plain, lit = before[n, channel].flip(1), after[n, channel]
                known = (plain > 0.05) & (lit < 1)
                ratio = lit[known] / plain[known]
                lights += [float(ratio.min()), float(ratio.max())]
                assert bool((lit[plain * ratio.mean() > 1.001] == 1).all())
            assert max(lights) - min(lights) < 1e-4  # one light for a channel of both
            assert 2 ** -(STOPS + CAST) <= lights[0] <= 2 ** (STOPS + CAST)


def test_the_rim_of_what_comes_back_is_relit_too() -> None:
    random = torch.Generator().manual_seed(3)
    batch = Numbered().batch(5, 64, random)
    again = seen_again(batch, random)
    assert batch.rim is not None and again.rim is not None and torch.equal(again.rim.there, batch.rim.there)
    assert torch.equal(again.rim.profiles[..., 3], batch.rim.profiles[..., 3])
    for n in range(5):
        for channel in range(3):
            plain, lit = batch.composite[n, channel].flip(1), again.composite[n, channel]
            light = float((lit[lit < 1] / plain[lit < 1]).median())
            expected = (batch.rim.profiles[n, ..., channel] * light).clamp(0, 1)
            torch.testing.assert_close(again.rim.profiles[n, ..., channel], expected)


def test_rims_stay_with_their_composites() -> None:
    source, random = Numbered(), torch.Generator().manual_seed(1)
    echo = Echo(source)
    for _ in range(WAITING + 3):
        batch = echo.batch(6, 64, random)
        assert batch.rim is not None and torch.equal(batch.rim.there, batch.kind % 2 == 0)
