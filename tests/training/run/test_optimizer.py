"""Muon: what it does to a matrix, against singular values; what it leaves to Adam; that it learns and resumes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from regharm_core.training.run.optimizer import LIKE_ADAM, MOMENTUM, Muon, is_matrix, level


@pytest.mark.parametrize(("rows", "columns"), [(16, 16), (24, 300), (300, 24)])
def test_a_levelled_matrix_keeps_its_directions_and_loses_its_sizes(rows: int, columns: int) -> None:
    torch.manual_seed(rows)
    left, values, right = torch.linalg.svd(torch.randn(rows, columns, dtype=torch.float64), full_matrices=False)
    values = torch.logspace(0, -1.5, len(values), dtype=torch.float64)
    answer = level((left * values @ right).float()).double()
    inner = left.T @ answer @ right.T  # diagonal where the singular vectors are kept
    assert 0.6 < inner.diagonal().min() and inner.diagonal().max() < 1.3
    assert (inner - inner.diagonal().diag()).abs().max() < 0.05


def test_a_matrix_without_gradient_stays() -> None:
    assert torch.equal(level(torch.zeros(16, 32)), torch.zeros(16, 32).bfloat16())


def test_steps_of_a_convolution_follow_the_running_mean() -> None:
    torch.manual_seed(1)
    layer = nn.Conv2d(16, 16, 3)
    kept = [layer.weight.detach().double().flatten(1), torch.zeros(16, 144, dtype=torch.float64)]
    optimizer = Muon(layer.parameters(), 0.01, (0.9, 0.999))
    for _ in range(3):
        gradient = torch.randn(16, 16, 3, 3)
        layer.weight.grad, layer.bias.grad = gradient.clone(), torch.ones(16)  # pyright: ignore[reportOptionalMemberAccess]
        optimizer.step()
        plain = gradient.double().flatten(1)
        kept[1] = MOMENTUM * kept[1] + (1 - MOMENTUM) * plain
        ahead = (1 - MOMENTUM) * plain + MOMENTUM * kept[1]
        kept[0] = kept[0] - 0.01 * LIKE_ADAM * 12 * level(ahead.float()).double()  # 12 x 12 = 144 columns
    assert (layer.weight.detach().double().flatten(1) - kept[0]).abs().max() < 1e-5


def test_small_layers_and_vectors_learn_by_adam() -> None:
    torch.manual_seed(2)
    both = [nn.Sequential(nn.Conv2d(16, 8, 3), nn.Linear(4, 4)) for _ in range(2)]
    both[1].load_state_dict(both[0].state_dict())
    assert not any(is_matrix(p) for p in both[0].parameters())
    muon, adam = Muon(both[0].parameters(), 0.01, (0.9, 0.999)), torch.optim.Adam(both[1].parameters(), 0.01)
    for _ in range(3):
        for one, other in zip(both[0].parameters(), both[1].parameters(), strict=True):
            one.grad = torch.randn_like(one)
            other.grad = one.grad.clone()
        muon.step()
        adam.step()
    assert all(torch.equal(a, b) for a, b in zip(both[0].parameters(), both[1].parameters(), strict=True))


@pytest.mark.parametrize("held", [False, True])
def test_matrices_shrink_by_the_decay_and_vectors_do_not(held: bool) -> None:
    """Also where the rate is a tensor, as recorded steps read it."""
    torch.manual_seed(3)
    layer = nn.Linear(16, 16)
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    rate = torch.tensor(0.01) if held else 0.01
    optimizer = Muon(layer.parameters(), 0.01, (0.9, 0.999), decay=0.5)
    optimizer.param_groups[0]["lr"] = rate
    layer.weight.grad = torch.zeros(16, 16)
    layer.bias.grad = torch.zeros(16)
    optimizer.step()
    torch.testing.assert_close(layer.weight.detach(), weight * (1 - 0.01 * 0.5))
    assert torch.equal(layer.bias.detach(), bias)


def test_a_rate_in_a_tensor_is_the_same_rate() -> None:
    torch.manual_seed(4)
    both = [nn.Conv2d(16, 16, 3) for _ in range(2)]
    both[1].load_state_dict(both[0].state_dict())
    optimizers = [Muon(layer.parameters(), 0.01, (0.9, 0.999)) for layer in both]
    optimizers[1].param_groups[0]["lr"] = torch.tensor(0.01)
    for layer in both:
        torch.manual_seed(5)
        layer.weight.grad = torch.randn(16, 16, 3, 3)
    for optimizer in optimizers:
        optimizer.step()
    torch.testing.assert_close(both[0].weight, both[1].weight)
