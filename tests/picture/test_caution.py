"""Caution: small answers are held back, large ones hardly, by the formula that the configuration states."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from regharm_core import HarmonizerConfig, HarmonizerNet, harmonize
from regharm_core.network.maps import foreground_energy
from regharm_core.picture.view import held_back


def hold_back(residual: Tensor, weight: Tensor, caution: float, doubt: Tensor | None = None) -> Tensor:
    return residual * held_back(foreground_energy(residual, weight), doubt, caution)[:, None, None, None]


def slow(residual: Tensor, weight: Tensor, caution: float) -> Tensor:
    """The same with loops over composites, pixels and channels."""
    answer = residual.clone()
    for n in range(len(residual)):
        total, area = 0.0, 0.0
        for y in range(residual.shape[2]):
            for x in range(residual.shape[3]):
                share = float(weight[n, 0, y, x])
                area += share
                total += share * sum((255 * float(residual[n, c, y, x])) ** 2 for c in range(3)) / 3
        energy = total / max(area, 1e-6)
        answer[n] *= energy / (energy + caution**2)
    return answer


def test_it_agrees_with_loops() -> None:
    random = torch.Generator().manual_seed(0)
    residual = torch.randn(3, 3, 6, 5, generator=random, dtype=torch.float64) * 0.02
    weight = torch.rand(3, 1, 6, 5, generator=random, dtype=torch.float64)
    weight[2] = 0  # no foreground: nothing to be said, and no NaN
    assert torch.allclose(hold_back(residual, weight, 3.0), slow(residual, weight, 3.0), rtol=1e-12, atol=1e-15)


def test_without_caution_the_residual_is_itself() -> None:
    residual = torch.randn(1, 3, 4, 4)
    assert torch.equal(hold_back(residual, torch.ones(1, 1, 4, 4), 0.0), residual)


def test_a_doubtful_answer_is_held_back_by_the_error_that_it_expects() -> None:
    """e^4 / (e^4 + (caution^2 d)^2); an answer of nothing stays nothing, and is no NaN."""
    residual = torch.tensor([6.0, 6.0, 0.0])[:, None, None, None].expand(-1, 3, 4, 4) / 255  # e = 36, 36, 0
    doubt = torch.tensor([48.0, 432.0, 1e9]).log()
    held = hold_back(residual, torch.ones(3, 1, 4, 4), 3.0, doubt)  # 9 d is a third of e^2, and three times as much
    assert torch.allclose(held, residual * torch.tensor([0.9, 0.1, 0.0])[:, None, None, None])
    less = hold_back(residual, torch.ones(3, 1, 4, 4), 1.5, doubt)
    shares = torch.tensor([144 / 145, 16 / 25, 0.0])[:, None, None, None]
    assert torch.allclose(less, residual * shares)
    assert torch.equal(hold_back(residual, torch.ones(3, 1, 4, 4), 0.0, doubt), residual)


@pytest.mark.parametrize(("levels", "kept"), [(1, 0.1), (3, 0.5), (30, 100 / 101)])
def test_small_answers_are_held_back_and_large_ones_kept(levels: float, kept: float) -> None:
    residual = torch.full((1, 3, 4, 4), levels / 255)
    held = hold_back(residual, torch.ones(1, 1, 4, 4), 3.0)
    assert torch.allclose(held, residual * kept, rtol=1e-5)


def test_the_public_call_follows_the_configuration() -> None:
    net = HarmonizerNet(HarmonizerConfig(width=2, gated=False, refine=(0, 0, 0, 0), view=64)).eval()
    torch.nn.init.constant_(net.head.bias, 3 / 255)  # the answer to everything: three levels brighter
    image, mask = torch.full((1, 3, 64, 64), 0.5), torch.zeros(1, 1, 64, 64)
    mask[:, :, 20:40, 20:40] = 1
    plain = harmonize(net, image, mask) - image
    net.config = replace(net.config, caution=3.0)
    held = harmonize(net, image, mask) - image
    inside = mask.expand_as(image) > 0
    assert torch.allclose(plain[inside], torch.tensor(3 / 255), atol=1e-4)
    assert torch.allclose(held[inside], torch.tensor(1.5 / 255), atol=1e-4)
