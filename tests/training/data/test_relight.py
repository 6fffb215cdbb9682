"""Photographs under another light: how many, what is done to them, and that two moods meet in one picture."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from regharm_core.training.data import relight as module
from regharm_core.training.data.relight import relight


def pictures(count: int = 200) -> Tensor:
    return torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def changed(before: Tensor, after: Tensor) -> float:
    return float(((after - before).abs().amax((1, 2, 3)) > 1e-4).float().mean())


@pytest.mark.parametrize(("moody", "lights"), [(0.0, 0.0), (0.5, 0.0), (0.5, 0.5)])
def test_the_share_is_changed_and_stays_in_range(moody: float, lights: float) -> None:
    image = pictures()
    kept = image.clone()
    after = relight(image, 0.4, moody, lights, torch.Generator().manual_seed(1))
    assert torch.equal(image, kept) and 0.3 < changed(image, after) < 0.5
    assert float(after.min()) >= 0 and float(after.max()) <= 1
    assert torch.equal(relight(image, 0.0, moody, lights, torch.Generator().manual_seed(1)), image)


def test_a_mood_has_any_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "mood", lambda points, _: 1 - points)
    image = pictures()
    after = relight(image, 1.0, 1.0, 0.0, torch.Generator().manual_seed(2))
    depth = (after - image)[:, 0] / (1 - 2 * image)[:, 0].where((image[:, 0] - 0.5).abs() > 0.1, torch.nan)
    each = depth.flatten(1).nanmean(1)
    assert float(each.min()) < 0.3 and float(each.max()) > 0.9 and float(each.min()) >= module.SHALLOWEST - 1e-3
    spread = (depth.flatten(1) - each[:, None]).abs().nan_to_num().amax()
    assert float(spread) < 1e-3


def test_two_lights_are_the_first_and_the_second_mood_by_their_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    given = iter((lambda points: torch.zeros_like(points), lambda points: torch.ones_like(points)))
    monkeypatch.setattr(module, "mood", lambda points, _: next(given)(points))
    monkeypatch.setattr(module, "SHALLOWEST", 1.0)
    shares: list[Any] = []

    def watched(*arguments: Any) -> Tensor:
        shares.append(fade(*arguments))
        return shares[-1]

    fade = module.fade
    monkeypatch.setattr(module, "fade", watched)
    after = relight(pictures(6), 1.0, 1.0, 1.0, torch.Generator().manual_seed(3))
    torch.testing.assert_close(after, shares[0].expand_as(after), rtol=0, atol=1e-5)
