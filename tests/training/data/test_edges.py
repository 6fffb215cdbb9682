"""The edges of composites, as they are before the composites are reduced."""

from __future__ import annotations

from pathlib import Path

import torch

from regharm_core.network.profiles import INSIDE, SAMPLES
from regharm_core.training.data.composite_config import CompositeConfig
from regharm_core.training.data.composites import CompositeMaker
from regharm_core.training.data.edges import edges_of
from regharm_core.training.data.photographs import load_photographs


def test_colours_across_the_edge_and_where_there_is_none() -> None:
    mask = torch.zeros(3, 1, 48, 48)
    mask[0, :, 10:30, 12:40], mask[2] = 1, 1
    composite = torch.where(mask > 0.5, 0.3007, 0.8004).expand(-1, 3, -1, -1)
    profiles, there = edges_of(composite, mask, 7)
    assert profiles.shape == (3, 7, SAMPLES, 4) and there.tolist() == [True, False, False]
    stored = [round(colour * 255) / 255 for colour in (0.3007, 0.8004)]  # as a file holds it
    for n in range(7):
        fine = profiles[0, n, : 2 * INSIDE, :3]
        torch.testing.assert_close(fine[:INSIDE], torch.full((INSIDE, 3), stored[0]))
        torch.testing.assert_close(fine[INSIDE:], torch.full((INSIDE, 3), stored[1]))


def test_a_batch_has_the_edges_of_before_it_was_reduced(photographs: Path) -> None:
    """Of every second composite they are those of a smaller picture, but not as small as the network's."""
    config = CompositeConfig(plain=1.0, paste=0.0, inpaint=0.0, making=(2.0, 2.0), identity=0.0)
    plain, reading = (CompositeMaker(load_photographs([photographs]), config, profiles=count) for count in (0, 9))
    without, batch = (maker.batch(4, 64, torch.Generator().manual_seed(1)) for maker in (plain, reading))
    assert without.rim is None and without.parts.keys() == {"composite", "mask", "target", "kind"}
    assert all(torch.equal(part, batch.parts[name]) for name, part in without.parts.items())
    random = torch.Generator().manual_seed(1)
    torch.rand(1, generator=random)  # how large it makes them
    made, _ = reading.make(4, 128, random)
    profiles, there = edges_of(made[:, :3], made[:, 6:], 9)
    reduced, _ = edges_of(batch.composite, batch.mask, 9)
    assert batch.rim is not None and batch.rim.profiles.shape == (4, 9, SAMPLES, 4)
    assert bool(there.all()) and torch.equal(batch.rim.there, there)
    for n, own in enumerate(batch.rim.profiles):
        assert torch.equal(own, profiles[n]) == (n % 2 == 0) and not torch.equal(own, reduced[n])
