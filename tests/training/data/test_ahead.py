"""Batches made ahead: each composite is dealt out once, in random order, and none of another size."""

from __future__ import annotations

import torch

from regharm_core.network.profiles import SAMPLES
from regharm_core.training.data.ahead import Ahead
from regharm_core.training.data.source import Batch


class Numbered:
    """Composites that say in every part which they are: 0, 1, 2, ..."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 7

    def batch(self, count: int, size: int, generator: torch.Generator) -> Batch:
        numbers = torch.arange(sum(self.asked), sum(self.asked) + count)
        self.asked.append(count)
        picture = numbers.float().view(-1, 1, 1, 1).expand(-1, 3, size, size)
        profiles = numbers.view(-1, 1, 1, 1).expand(-1, 5, SAMPLES, 4)
        return Batch(picture, picture[:, :1], picture, numbers, profiles, numbers % 2 == 0)


def test_all_that_is_made_is_dealt_once_and_parts_stay_together() -> None:
    source, random = Numbered(), torch.Generator().manual_seed(1)
    ahead = Ahead(source, 5)
    batches = [ahead.batch(6, 64, random) for _ in range(10)]
    assert len(ahead) == 7 and source.asked == [30, 30]
    dealt = torch.cat([batch.kind for batch in batches])
    assert sorted(dealt[:30].tolist()) == list(range(30)) and sorted(dealt.tolist()) == list(range(60))
    assert dealt[:30].tolist() != list(range(30))
    for batch in batches:
        for part in (batch.composite, batch.mask, batch.target):
            assert torch.equal(part[:, 0, 0, 0], batch.kind.float())
        assert batch.rim is not None and torch.equal(batch.rim.there, batch.kind % 2 == 0)
        assert torch.equal(batch.rim.profiles[:, 0, 0, 0], batch.kind)


def test_another_size_or_count_is_made_anew() -> None:
    source, random = Numbered(), torch.Generator().manual_seed(1)
    ahead = Ahead(source, 3)
    shapes = [ahead.batch(count, size, random).composite.shape for count, size in ((4, 64), (4, 96), (2, 96))]
    assert shapes == [(4, 3, 64, 64), (4, 3, 96, 96), (2, 3, 96, 96)]
    assert source.asked == [12, 12, 6]
