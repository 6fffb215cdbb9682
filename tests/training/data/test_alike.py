"""Regions that are alike: against loops, and as references of colour transfers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regharm_core import ConfigError
from regharm_core.training.data import composites
from regharm_core.training.data.alike import LEAST, REGIONS, SEEN, describe_regions, find_alike
from regharm_core.training.data.composite_config import CompositeConfig
from regharm_core.training.data.composites import CompositeMaker
from regharm_core.training.data.photographs import Photographs
from regharm_core.training.run.recipe import Recipe
from regharm_core.training.run.sources import open_maker


class Colours(nn.Module):
    """In place of the eye: the colours, and their squares, at 1/32."""

    def forward(self, pictures: Tensor) -> list[Tensor]:
        small = F.avg_pool2d(pictures, 32)
        return [pictures, torch.cat([small, small.square()], dim=1)]


def photographs() -> Photographs:
    """Five of three regions each, and one that has a region too small to be seen."""
    random = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (6, 3, 9, 10), generator=random).repeat_interleave(32, 2).repeat_interleave(32, 3)
    labels = torch.zeros(6, 1, 288, 320)
    labels[:, :, :96], labels[:, :, 96:192, :160], labels[:, :, 192:] = 1, 2, 3
    labels[5] = 0
    labels[5, :, :10, :10] = 1
    return Photographs(images[..., :288].to(torch.uint8), labels[..., :288].to(torch.uint8))


def told_by_loops(given: Photographs) -> dict[tuple[int, int], Tensor]:
    """The mean of the features in each region, one place after the other."""
    found = {}
    for n in range(len(given)):
        picture = F.interpolate(given.images[n : n + 1] / 255, (SEEN, SEEN), mode="bilinear", antialias=True)
        deep = Colours()(picture)[-1][0]
        for number in range(1, REGIONS + 1):
            region = (given.labels[n : n + 1] == number).float()
            if region.mean() < LEAST:
                continue
            weight = F.interpolate(region, deep.shape[-2:], mode="area")[0, 0]
            total, sums = 0.0, torch.zeros(6)
            for y in range(deep.shape[1]):
                for x in range(deep.shape[2]):
                    total += float(weight[y, x])
                    sums += weight[y, x] * deep[:, y, x]
            found[n, number] = sums / total
    return found


def test_regions_are_described_as_by_loops() -> None:
    given = photographs()
    names, features = describe_regions(Colours(), given)
    wanted = told_by_loops(given)
    assert [tuple(name) for name in names.tolist()] == list(wanted)
    torch.testing.assert_close(features, torch.stack(list(wanted.values())), atol=1e-5, rtol=0)


def test_the_same_region_in_a_photograph_that_is_there_twice_is_left_out() -> None:
    given = photographs()
    twice = Photographs(torch.cat([given.images, given.images]), torch.cat([given.labels, given.labels]))
    found = find_alike(Colours(), twice, count=8)
    for n in range(5):
        for number in (1, 2, 3):
            row = [tuple(pair) for pair in found[n, number - 1].tolist()]
            assert (n, number) not in row and (n + 6, number) not in row
            assert len(set(row)) == 8 and (-1, -1) not in row


def test_the_nearest_of_other_photographs_are_found() -> None:
    given = photographs()
    found = find_alike(Colours(), given, count=4)
    assert found.shape == (6, REGIONS, 4, 2) and found.dtype == torch.int32
    told = told_by_loops(given)
    values = torch.stack(list(told.values()))
    unit = dict(zip(told, F.normalize((values - values.mean(0)) / values.std(0), dim=1), strict=True))
    for n in range(6):
        for number in range(1, REGIONS + 1):
            row = [tuple(pair) for pair in found[n, number - 1].tolist()]
            if (n, number) not in told:
                assert row == [(-1, -1)] * 4
                continue
            others = [name for name in told if name[0] != n]
            others.sort(key=lambda name: -float(unit[n, number] @ unit[name]))  # noqa: B023 (used at once)
            assert row == others[:4]


def test_where_fewer_are_there_the_rest_is_empty() -> None:
    given = photographs()
    found = find_alike(Colours(), Photographs(given.images[:2], given.labels[:2]), count=8)
    assert bool((found[:, :3, :3] >= 0).all()) and bool((found[:, :3, 3:] == -1).all())
    assert bool((found[0, :3, :3, 0] == 1).all()) and bool((found[1, :3, :3, 0] == 0).all())


@pytest.mark.parametrize("everywhere", [False, True])
def test_transfers_take_their_colours_from_what_is_alike(monkeypatch: pytest.MonkeyPatch, everywhere: bool) -> None:
    """Each photograph has one colour in its region, so a reference tells where it came from."""
    images = torch.full((4, 3, 288, 288), 10, dtype=torch.uint8)
    labels = torch.zeros(4, 1, 288, 288, dtype=torch.uint8)
    labels[..., 60:220, 60:220] = 1
    images[..., 60:220, 60:220] = torch.tensor([50, 100, 150, 200], dtype=torch.uint8)[:, None, None, None]
    alike = torch.full((4, REGIONS, 2, 2), -1, dtype=torch.int32)
    alike[:2, 0] = torch.tensor([[[1, 1], [1, 1]], [[0, 1], [0, 1]]], dtype=torch.int32)  # 0 and 1; nothing for 2 and 3
    seen: list[tuple[float, float]] = []

    def told(points: Tensor, source: Tensor, reference: Tensor, generator: torch.Generator) -> Tensor:
        seen.extend(zip(source.mean((1, 2)).tolist(), reference.mean((1, 2)).tolist(), strict=True))
        return points

    monkeypatch.setitem(composites.MOVES, "reinhard", told)
    if everywhere:  # as on an accelerator
        monkeypatch.setattr(composites, "where_rows", composites.where_rows.__globals__["where_within"])
    config = CompositeConfig(plain=1, paste=0, inpaint=0, moves=("reinhard",), alike=1.0, jitter=0, several=0, close=1)
    maker = CompositeMaker(Photographs(images, labels), config, alike)
    maker.batch(48, 64, torch.Generator().manual_seed(0))
    pairs = {(round(255 * a / 50), round(255 * b / 50)) for a, b in seen}
    assert {pair for pair in pairs if pair[0] in (1, 2)} == {(1, 2), (2, 1)}
    assert len({pair for pair in pairs if pair[0] in (3, 4)}) > 2  # any other region


def test_full_moves_are_not_blended(monkeypatch: pytest.MonkeyPatch) -> None:
    given = photographs()
    monkeypatch.setitem(composites.MOVES, "reinhard", lambda points, *_: torch.zeros_like(points))
    options = {"plain": 1, "paste": 0, "inpaint": 0, "moves": ("reinhard",), "jitter": 0, "weight": (0.2, 0.5)}
    for full, share in ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0)):
        maker = CompositeMaker(given, CompositeConfig(**options, full=full, identity=0.0, rough=False, close=1))
        made = maker.batch(64, 64, torch.Generator().manual_seed(1))
        rows = made.kind == 0
        inside = (made.mask == 1).expand_as(made.composite)
        black = torch.stack([c[i].max() == 0 for c, i in zip(made.composite[rows], inside[rows], strict=True)])
        assert abs(float(black.float().mean()) - share) < 0.2 and (share == 0.5 or float(black.float().mean()) == share)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    config = CompositeConfig(alike=0.5)
    with pytest.raises(ConfigError, match=r"alike \(0\.5\), but none were looked for"):
        CompositeMaker(photographs(), config)
    recipe = Recipe(data=("D",), out=str(tmp_path), composites=config, steps=1)
    with pytest.raises(ConfigError, match="need an eye"):
        open_maker(recipe, photographs())


def test_a_recipe_finds_them_with_the_bundled_eye(tmp_path: Path) -> None:
    start = Path(__file__).parents[3] / "weights" / "regharm.safetensors"
    recipe = Recipe(data=("D",), out=str(tmp_path), composites=CompositeConfig(alike=0.5), steps=1, start=str(start))
    maker = open_maker(recipe, photographs())
    assert maker.alike is not None and bool((maker.alike[:5, :3, 0] >= 0).all())
