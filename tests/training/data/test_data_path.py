"""The data path's parts: boxes against pooling, chances, and that an accelerator's host never waits."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from regharm_core.network.profiles import SAMPLES
from regharm_core.training.data import chance, composites, edges, wrong_masks
from regharm_core.training.data.boxes import box_mean, dilate, erode
from regharm_core.training.data.chance import (
    constant,
    dealt,
    host_generator,
    host_uniform,
    pick,
    uniform,
    uniform_elsewhere,
    where_rows,
    where_within,
)
from regharm_core.training.data.composite_config import CompositeConfig
from regharm_core.training.data.composites import CompositeMaker
from regharm_core.training.data.moves import USUAL, _roots
from regharm_core.training.data.photographs import STORE_SIZE, Photographs


@pytest.mark.parametrize("radius", [1, 2])
def test_boxes_are_what_pooling_gives(radius: int) -> None:
    values = torch.rand(2, 3, 9, 7, generator=torch.Generator().manual_seed(0))
    side = 2 * radius + 1
    torch.testing.assert_close(box_mean(values, radius), F.avg_pool2d(values, side, 1, radius))
    replicated = F.pad(values, (radius,) * 4, mode="replicate")
    torch.testing.assert_close(box_mean(values, radius, "replicate"), F.avg_pool2d(replicated, side, 1))
    assert torch.equal(dilate(values, radius), F.max_pool2d(values, side, 1, radius))
    torch.testing.assert_close(erode(values, radius), -F.max_pool2d(-values, side, 1, radius))


def test_pick_draws_as_multinomial_does() -> None:
    weight = torch.rand(50, 30, generator=torch.Generator().manual_seed(0)) ** 4
    first, second = (torch.Generator().manual_seed(1) for _ in range(2))
    for _ in range(3):
        assert torch.equal(pick(weight, first), torch.multinomial(weight, 1, generator=second)[:, 0])
    assert torch.equal(first.get_state(), second.get_state())


def test_numbers_for_the_host() -> None:
    random = torch.Generator().manual_seed(3)
    state = random.get_state()
    follows = [torch.rand(4, generator=host_generator(random)) for _ in range(2)]
    assert torch.equal(*follows) and torch.equal(random.get_state(), state)
    first = host_uniform(1.0, 2.0, random)
    random.set_state(state)
    assert first == float(uniform((1,), 1.0, 2.0, random)) and 1 <= first < 2
    assert not torch.equal(torch.rand(4, generator=host_generator(random)), follows[0])


def test_where_rows() -> None:
    values, chosen = torch.arange(6.0).reshape(3, 2), torch.tensor([True, False, True])
    seen: list[Any] = []
    answer = where_rows(chosen, values, lambda rows: seen.append(rows) or -values[rows])
    assert torch.equal(answer, torch.tensor([[-0.0, -1], [2, 3], [-4, -5]])) and seen[0].tolist() == [0, 2]
    assert where_rows(chosen & False, values, lambda rows: values[rows] * 0) is values


def test_a_constant_is_sent_once() -> None:
    like = torch.zeros(1)
    assert constant((1.0, 2.0), like) is constant([1.0, 2.0], like)
    assert constant((1.0, 2.0), like.double()).dtype == torch.float64


def test_roots_of_matrices() -> None:
    """Against eigenvectors, from well to badly conditioned, and of equal eigenvalues."""
    random = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(40, 3, 3, generator=random, dtype=torch.float64)).Q
    values = 10 ** (-6 * torch.rand(40, 3, generator=random, dtype=torch.float64))
    values[:5] = 1e-4
    values[5:10, 1] = values[5:10, 0]
    matrix = (turn * values[:, None]) @ turn.transpose(1, 2)
    root, inverse = _roots(matrix)
    identity = torch.eye(3, dtype=torch.float64).expand(40, 3, 3)
    torch.testing.assert_close(root, (turn * values.sqrt()[:, None]) @ turn.transpose(1, 2), atol=1e-7, rtol=0)
    torch.testing.assert_close(root @ inverse, identity, atol=1e-6, rtol=0)


class Elsewhere(TorchFunctionMode):
    """Whatever is made on the CPU is made on the "meta" device, which has no numbers to ask for."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if torch.device("cpu") == kwargs.get("device"):
            kwargs["device"] = torch.device("meta")
        kwargs.pop("generator", None)  # not every operation takes one there
        return func(*args, **kwargs)


ALL_KINDS = CompositeConfig(graded=0.3, strong=0.2, wrong_mask=0.2, compressed=0.5)
LIKE_IHARMONY4 = CompositeConfig(moves=tuple(composites.MOVES), full=0.5, alike=0.5, dealt=True)


@pytest.mark.parametrize("config", [CompositeConfig(), ALL_KINDS, LIKE_IHARMONY4])
def test_a_batch_is_made_without_asking_the_device(config: CompositeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU every question would stop the host until all that is queued is done. The meta device answers none."""
    for part in (composites, edges, wrong_masks):
        monkeypatch.setattr(part, "host_uniform", lambda low, high, generator: (low + high) / 2)
    images = torch.empty(3, 3, STORE_SIZE, STORE_SIZE, dtype=torch.uint8, device="meta")
    alike = torch.empty(3, 12, 8, 2, dtype=torch.int32, device="meta")
    maker = CompositeMaker(Photographs(images, images[:, :1]), config, alike, profiles=5)
    with Elsewhere():
        made = maker.batch(4, 64, torch.Generator())
    assert made.composite.device.type == "meta" and made.composite.shape == (4, 3, 64, 64)
    assert made.mask.shape == (4, 1, 64, 64)
    assert made.rim is not None and made.rim.profiles.shape == (4, 5, SAMPLES, 4)


@pytest.mark.parametrize("dealt", [False, True])
def test_both_ways_of_choosing_rows_make_the_same(dealt: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU does (all rows, then a choice) and what a CPU does differ in nothing but which numbers are drawn."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 255, (3, 3, 12, 12), generator=random, dtype=torch.uint8)
    images = F.interpolate(images.float(), (STORE_SIZE, STORE_SIZE), mode="bilinear").byte()
    labels = torch.zeros(3, 1, STORE_SIZE, STORE_SIZE, dtype=torch.uint8)
    labels[..., 60:200, 80:220] = 1
    config = CompositeConfig(moves=("reinhard", "histogram"), inpaint=0.0, dealt=dealt)
    maker = CompositeMaker(Photographs(images, labels), config)

    def make() -> Any:
        return maker.batch(8, 64, torch.Generator().manual_seed(4))

    first = make()
    assert set(first.kind.tolist()) == {0, 1}
    # "photographic" draws numbers, for rows that are none here; give it none to draw.
    monkeypatch.setitem(composites.MOVES, "photographic", lambda points, *_: points)
    for part in (composites, wrong_masks):
        monkeypatch.setattr(part, "where_rows", chance.where_within)
    second = make()
    for name in ("composite", "mask", "target"):
        torch.testing.assert_close(getattr(first, name), getattr(second, name), atol=1e-5, rtol=0)


def test_dealing_gives_each_share_its_part_of_every_batch() -> None:
    shares = [0.3, 0.0, 0.5, 0.2]
    got = torch.zeros(4)
    for n in range(100):
        places = dealt(7, shares, n / 100)
        assert [place.start for place in places[1:]] == [place.stop for place in places[:-1]]
        assert places[0].start == 0 and places[-1].stop == 7
        got += torch.tensor([place.stop - place.start for place in places])
    torch.testing.assert_close(got / 700, torch.tensor(shares), atol=0.01, rtol=0)


def test_a_choice_within_a_part_of_the_batch_touches_nothing_else() -> None:
    values, chosen = torch.arange(12.0), torch.arange(12) % 4 == 1
    for within in (slice(None), slice(1, None, 2), slice(0, 6), slice(3, 3)):
        asked: list[int] = []

        def change(rows: Any, asked: list[int] = asked) -> Tensor:
            asked.append(len(values[rows]))
            return -values[rows]

        answer = where_within(chosen, values, change, within)
        marked = torch.zeros(12, dtype=torch.bool)
        marked[within] = True
        assert torch.equal(answer, torch.where(chosen & marked, -values, values))
        assert asked == ([int(marked.sum())] if marked.any() else [])
    assert torch.equal(values, torch.arange(12.0))


def test_dealt_kinds_and_moves_come_in_their_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 255, (3, 3, STORE_SIZE, STORE_SIZE), generator=random, dtype=torch.uint8)
    labels = torch.zeros(3, 1, STORE_SIZE, STORE_SIZE, dtype=torch.uint8)
    labels[..., 90:200, 90:200] = 1
    config = CompositeConfig(plain=0.5, paste=0.25, inpaint=0.25, graded=0.2, dealt=True)
    seen: dict[str, int] = {}
    for name, move in composites.MOVES.items():

        def counted(points: Tensor, *others: Any, name: str = name, move: Any = move, **options: Any) -> Tensor:
            seen[name] = seen.get(name, 0) + len(points)
            return move(points, *others, **options)

        monkeypatch.setitem(composites.MOVES, name, counted)
    monkeypatch.setattr(composites, "where_rows", where_within)
    batch = CompositeMaker(Photographs(images, labels), config).batch(40, 64, random)
    kinds = batch.kind.bincount(minlength=4)
    assert abs(int(kinds[0]) - 16) <= 2 and abs(int(kinds[1]) - 8) <= 1 and abs(int(kinds[3]) - 8) <= 1
    assert {seen[name] for name in USUAL if name != "photographic"} == {8}  # a fifth each, not all


def test_numbers_for_the_host_are_not_alike() -> None:
    """On an accelerator the host's generator is made from the device's, which has to move on with each number."""
    random = torch.Generator().manual_seed(3)
    drawn = [uniform_elsewhere(0.0, 1.0, random) for _ in range(200)]
    assert len(set(drawn)) == 200 and abs(sum(drawn) / 200 - 0.5) < 0.1
    again = torch.Generator().manual_seed(3)
    assert [uniform_elsewhere(0.0, 1.0, again) for _ in range(3)] == drawn[:3]


def test_a_move_that_is_named_twice_is_made_on_every_device(monkeypatch: pytest.MonkeyPatch) -> None:
    random = torch.Generator().manual_seed(0)
    images = (torch.rand(8, 3, 64, 64, generator=random) * 255).byte()
    labels = torch.zeros(8, 1, 64, 64, dtype=torch.uint8)
    labels[:, :, 16:48, 16:48] = 1
    config = CompositeConfig(
        plain=1, paste=0, inpaint=0, jitter=0, identity=0, full=1.0, several=0, rough=False, dealt=True,
        moves=("vividness", "vividness"),
    )  # fmt: skip
    monkeypatch.setattr(composites, "where_rows", where_within)
    batch = CompositeMaker(Photographs(images, labels), config).batch(16, 64, torch.Generator().manual_seed(1))
    assert bool(((batch.composite - batch.target).abs().amax((1, 2, 3)) > 1e-3).all())
