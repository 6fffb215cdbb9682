"""The fourth kind: a photograph in one strong mood, and a cut-out that has not got it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core.training.data import composites
from regharm_core.training.data.composite_config import CompositeConfig
from regharm_core.training.data.composites import Batch, CompositeMaker
from regharm_core.training.data.lattice import apply_lattice
from regharm_core.training.data.matte import rematte
from regharm_core.training.data.mood import fade, mood
from regharm_core.training.data.photographs import load_photographs

EXACT: dict[str, Any] = {
    "graded": 1.0,
    "jitter": 0.0,
    "making": (1.0, 1.0),
    "rough": False,
    "crop": 0.999,
    "close": 0.0,
}


class Watched(CompositeMaker):
    """Keeps the photographs that its composites are made from."""

    def _crops(self, count: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        self.image, self.region, origin = super()._crops(count, size, generator)
        return self.image, self.region, origin


def made(path: Path, seed: int = 0, count: int = 8, **options: Any) -> tuple[Batch, Watched]:
    maker = Watched(load_photographs([path]), CompositeConfig(**(EXACT | options)))
    return maker.batch(count, 64, torch.Generator().manual_seed(seed)), maker


def sides(batch: Batch) -> tuple[Tensor, Tensor]:
    """Pixels well inside and well outside the cut-outs, B 3 S S each."""
    shape = batch.composite.shape
    inside = -F.max_pool2d(-batch.mask, 9, 1, 4) == 1
    outside = F.max_pool2d(batch.mask, 9, 1, 4) == 0
    return inside.expand(shape), outside.expand(shape)


def test_target_and_background_are_one_mood_of_the_photograph(photographs: Path, monkeypatch: Any) -> None:
    """outer + matte (inner - outer), both graded alike; the composite's inner is not: in half it is as it was."""
    moods: list[Tensor] = []

    def watched(points: Tensor, generator: torch.Generator) -> Tensor:
        moods.append(mood(points, generator))
        return moods[-1]

    monkeypatch.setattr(composites, "mood", watched)
    batch, maker = made(photographs)
    rows = (batch.kind == 3).nonzero()[:, 0]
    assert len(rows) >= 6 and len(moods) == 1
    matte, inside, outside = rematte(maker.image[rows], maker.region[rows])
    inner, outer = (apply_lattice(part, moods[0][rows]) for part in (inside, outside))
    torch.testing.assert_close(batch.target[rows], (outer + matte * (inner - outer)).clamp(0, 1), rtol=0, atol=1e-5)
    torch.testing.assert_close(batch.mask[rows], matte.clamp(0, 1), rtol=0, atol=1e-6)
    beyond = (matte == 0).expand_as(outer)
    assert torch.equal(batch.composite[rows][beyond], batch.target[rows][beyond])
    off = (batch.composite[rows] - (outer + matte * (inside - outer))).abs().amax((1, 2, 3))
    assert 2 <= int((off < 1e-5).sum()) < len(rows)
    assert float((batch.target - maker.image)[rows].abs().mean()) > 0.05


def test_well_inside_and_well_outside_it_is_the_photograph_in_that_mood(photographs: Path, monkeypatch: Any) -> None:
    """With a mood that a lattice meets exactly: every colour's complement."""
    monkeypatch.setattr(composites, "mood", lambda points, _: 1 - points)
    batch, maker = made(photographs)
    rows = batch.kind == 3
    for part in sides(batch):
        assert int(part[rows].sum()) > 300
        near = (batch.target - (1 - maker.image))[rows][part[rows]]
        assert float(near.abs().max()) < 1e-5


def test_the_cut_out_keeps_its_colours_or_nearly(photographs: Path) -> None:
    """Half of them as they were, the others with a part of a mild move; none with the mood."""
    kept = 0
    for seed in range(4):
        batch, maker = made(photographs, seed=seed)
        inside, _ = sides(batch)
        for n in (batch.kind == 3).nonzero()[:, 0].tolist():
            here = inside[n]
            if int(here.sum()) < 90:
                continue
            neutral = float((batch.composite[n] - maker.image[n])[here].square().mean().sqrt())
            kept += neutral < 0.02
            assert neutral < 0.35
            assert float((batch.composite[n] - batch.target[n])[here].abs().max()) > 0.02
    assert 5 < kept < 28


def test_some_cut_outs_have_a_part_of_the_mood_already(photographs: Path) -> None:
    """The same draws with and without: what is left of a cut-out's distance to its target is 0 to 1 of it."""
    shares: list[float] = []
    for seed in range(6):
        neutral, fitting = (made(photographs, seed=seed, fitting=chance, wrong_mask=0.0)[0] for chance in (0.0, 1.0))
        inside, _ = sides(fitting)
        for n in (fitting.kind == 3).nonzero()[:, 0].tolist():
            here = inside[n]
            torch.testing.assert_close(fitting.target[n], neutral.target[n])
            before, after = (batch.composite[n][here] - batch.target[n][here] for batch in (neutral, fitting))
            if float(before.abs().mean()) > 0.02:
                shares.append(float((after * before).sum() / before.square().sum()))
    assert len(shares) > 20 and -0.05 < min(shares) < 0.25 and 0.75 < max(shares) < 1.05
    assert 0.35 < sum(shares) / len(shares) < 0.65


def test_shares_of_the_kinds(photographs: Path) -> None:
    maker = CompositeMaker(load_photographs([photographs]), CompositeConfig(graded=0.4, close=0.0))
    random = torch.Generator().manual_seed(1)
    kinds = torch.cat([maker.batch(16, 64, random).kind for _ in range(12)])
    share = torch.bincount(kinds, minlength=4) / len(kinds)
    assert 0.2 < float(share[3]) < 0.5 and bool((share[:3] > 0).all())


def test_regions_that_are_too_small_or_too_large_are_not_graded(photographs: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(composites, "SMALLEST", 0.9)
    monkeypatch.setattr(composites, "LARGEST", 0.95)
    assert set(made(photographs)[0].kind.tolist()) == {2}


@pytest.mark.parametrize("options", [{}, {"wrong_mask": 1.0}, {"strong": 1.0, "graded": 0.5}, {"rough": True}], ids=str)
def test_a_seed_decides_everything(photographs: Path, options: dict[str, Any]) -> None:
    first, second, other = (made(photographs, seed=seed, **options)[0] for seed in (3, 3, 4))
    for name in ("composite", "target", "mask", "kind"):
        assert torch.equal(getattr(first, name), getattr(second, name))
    assert not torch.equal(first.composite, other.composite)
    for values in (first.composite, first.target, first.mask):
        assert bool(values.isfinite().all()) and 0 <= float(values.min()) and float(values.max()) <= 1


def test_strong_moves_are_further_than_common_ones(photographs: Path) -> None:
    plain = {"graded": 0.0, "plain": 1.0, "paste": 0.0, "inpaint": 0.0, "identity": 0.0, "weight": (0.8, 0.8)}
    errors = []
    for strong in (0.0, 1.0):
        total = []
        for seed in range(6):
            batch, _ = made(photographs, seed=seed, strong=strong, moves=("photographic",), **plain)
            inside, _ = sides(batch)
            total.append((batch.composite - batch.target)[inside].square().mean())
        errors.append(float(torch.stack(total).mean()))
    assert errors[1] > 1.5 * errors[0]


def test_exact_masks_and_wrong_ones(photographs: Path) -> None:
    """Without roughness the mask is the matte of the composite; a wrong one leaves composite and target as they are."""
    exact, wrong = (made(photographs, wrong_mask=chance)[0] for chance in (0.0, 1.0))
    assert torch.equal(exact.composite, wrong.composite) and torch.equal(exact.target, wrong.target)
    changed = (exact.mask - wrong.mask).abs().mean((1, 2, 3))
    assert int((changed > 0.002).sum()) >= 6


def test_two_lights_grade_target_and_background_by_their_shares(photographs: Path, monkeypatch: Any) -> None:
    """The first mood leaves all as it is, the second turns it round: each place is turned by its share."""
    shares: list[Tensor] = []
    turns = iter((lambda points: points, lambda points: 1 - points))

    def watched(count: int, size: int, generator: torch.Generator) -> Tensor:
        shares.append(fade(count, size, generator))
        return shares[-1]

    monkeypatch.setattr(composites, "mood", lambda points, _: next(turns)(points))
    monkeypatch.setattr(composites, "fade", watched)
    batch, maker = made(photographs, lights=1.0)
    rows = (batch.kind == 3).nonzero()[:, 0]
    picture = maker.image[rows]
    wanted = picture + shares[0] * (1 - 2 * picture)
    for part in sides(batch):
        near = (batch.target[rows] - wanted)[part[rows]]
        assert len(near) > 300 and float(near.abs().max()) < 1e-4
