"""Pixels of a foreground that stand for all of it; none of it is stepped over."""

from __future__ import annotations

import torch

from regharm_core.picture.correction import fit_overall
from regharm_core.picture.describe import change_in_words, measure_change
from regharm_core.picture.sampled import sampled


def test_every_third_of_a_large_foreground_and_all_of_specks() -> None:
    mask, picture = torch.zeros(1, 1600, 1300), torch.rand(3, 1600, 1300)
    mask[:, 20:1520, 10:1210] = 1
    weight, colours = sampled(mask, 512, picture)
    assert weight.shape == (1, 500 * 400) and bool((weight == 1).all())
    assert torch.equal(colours.view(3, 500, 400), picture[:, 20:1520:3, 10:1210:3])
    specks = torch.zeros_like(mask)
    specks[0, 1023, 5] = specks[0, 7, 1100] = 0.5
    weight, colours = sampled(specks, 512, picture)
    assert weight.tolist() == [[0.5, 0.5]] and torch.equal(colours, picture[:, [7, 1023], [1100, 5]])


def test_specks_that_lie_between_the_steps_are_spoken_of() -> None:
    mask = torch.zeros(1, 1100, 1100)
    mask[0, 0, 1023] = mask[0, 1023, 0] = 1
    before = torch.full((3, 1100, 1100), 0.3)
    after = before + 0.3 * mask
    assert "much lighter" in change_in_words(measure_change(before, after, mask))
    overall, _ = fit_overall(before, after, mask)
    assert bool(overall.any())
