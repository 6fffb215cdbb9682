"""Mattes with fractional alpha: neither the old colour nor a seam stays at the edge, given a perfect network."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core import HarmonizerConfig, harmonize
from regharm_core.network.face import HarmonizerOutput

SIDE, VIEW = 512, 128


class Oracle(torch.nn.Module):
    """Knows the truth, at the network's size only."""

    def __init__(self, composite: Tensor, truth: Tensor, matte: Tensor) -> None:
        super().__init__()
        self.config = HarmonizerConfig(view=VIEW)
        self.anything = torch.nn.Parameter(torch.zeros(()))
        small = [F.interpolate(x, (VIEW, VIEW), mode="bilinear", antialias=True) for x in (composite, truth, matte)]
        self.answer = (small[1] - small[0]) / small[2].clamp_min(0.02)

    def forward(self, guide: Tensor, weight: Tensor, reference: Tensor | None, within: Any) -> Any:
        return HarmonizerOutput(guide, self.answer * (weight > 0.02))


def scene(rim: float) -> tuple[Tensor, Tensor, Tensor]:
    """Composite, truth and a round matte whose edge is ``rim`` px wide; object and ground carry fine texture."""
    random = torch.Generator().manual_seed(0)

    def surface(colour: tuple[float, float, float]) -> Tensor:
        grain = torch.rand(1, 1, SIDE, SIDE, generator=random) * 0.1
        slope = torch.linspace(0, 0.2, SIDE)[None, None, :, None]
        return torch.tensor(colour)[None, :, None, None] + grain + slope

    ground, thing = surface((0.15, 0.35, 0.2)), surface((0.45, 0.3, 0.25))
    moved = thing * torch.tensor([0.75, 1.0, 1.35])[None, :, None, None] + 0.05  # another light
    ramp = torch.arange(SIDE) - SIDE / 2
    distance = (ramp[:, None].square() + ramp.square()).sqrt()
    matte = ((150 - distance) / rim + 0.5).clamp(0, 1)[None, None]
    return ground + matte * (moved - ground), ground + matte * (thing - ground), matte


@pytest.mark.parametrize("rim", [2.0, 8.0, 40.0])
def test_the_edge_is_as_right_as_the_middle(rim: float) -> None:
    composite, truth, matte = scene(rim)
    made = harmonize(Oracle(composite, truth, matte), composite, matte, context=None, mirrored=False)  # type: ignore[arg-type]
    before, after = (composite - truth).square().mean(1), (made - truth).square().mean(1)
    edge, middle = (matte[:, 0] > 0.02) & (matte[:, 0] < 0.98), matte[:, 0] >= 0.98
    assert after[middle].mean() < 0.02 * before[middle].mean()
    assert after[edge].mean() < 0.08 * before[edge].mean()
    # no seam: the mean error along the matte nowhere stands out
    for low in torch.arange(0.1, 0.9, 0.1):
        ring = (matte[:, 0] >= low) & (matte[:, 0] < low + 0.1)
        error = (made - truth).mean(1)[ring].mean().abs()
        assert error < 0.02
    assert torch.equal(made[(matte == 0).expand_as(made)], composite[(matte == 0).expand_as(made)])


def test_a_wrong_way_would_be_noticed() -> None:
    composite, truth, matte = scene(8.0)
    edge = (matte[:, 0] > 0.02) & (matte[:, 0] < 0.98)
    unchanged = (composite - truth).square().mean(1)[edge].mean()
    residual = F.interpolate(Oracle(composite, truth, matte).answer, (SIDE, SIDE), mode="bilinear")
    hard = (composite + (matte > 0.5) * residual).clamp(0, 1)  # a soft mask taken for a hard one
    assert (hard - truth).square().mean(1)[edge].mean() > 0.08 * unchanged
