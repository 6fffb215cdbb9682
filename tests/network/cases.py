"""Masks that the equations have to survive, and what it means that two computations agree."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

TOLERANCE = 1e-9

Masks = tuple[Tensor, Tensor]  # foreground and background, B 1 H W each


def mask_cases(height: int, width: int) -> dict[str, Masks]:
    """Foreground and background by the name of the case."""
    generator = torch.Generator().manual_seed(5)

    def noise() -> Tensor:
        return torch.rand(1, 1, height, width, generator=generator, dtype=torch.float64)

    blank = torch.zeros(1, 1, height, width, dtype=torch.float64)
    blob, point = blank.clone(), blank.clone()
    blob[..., height // 4 : height // 2, width // 3 : 2 * width // 3] = 1
    point[..., height - 2, 1] = 1
    soft = (blob + (noise() < 0.1)).clamp(0, 1) * noise()
    left = torch.ones_like(blank)
    left[..., width // 2 :] = 0
    many = torch.cat([blob, point, soft, blank, blank + 1])
    return {
        "binary": (blob, 1 - blob),
        "soft": (soft, 1 - soft),
        "no foreground": (blank, blank + 1),
        "no background": (blank + 1, blank),
        "one pixel": (point, 1 - point),
        "one pixel of background": (blob, point),
        "restricted reference": (blob, (1 - blob) * left),
        "soft reference": (blob, (1 - blob) * noise()),
        "foregrounds of many sizes": (many, 1 - many),
    }


CASES = tuple(mask_cases(8, 8))


def features(*shape: int) -> Tensor:
    """Reproducible float64 features with a mean and a gradient of their own, ready to be differentiated."""
    generator = torch.Generator().manual_seed(sum(shape))
    values = torch.randn(shape, generator=generator, dtype=torch.float64)
    slope = torch.linspace(-1, 1, shape[-1], dtype=torch.float64)
    return (values + 0.7 + slope).requires_grad_()


def shaken(module: torch.nn.Module) -> torch.nn.Module:
    """The module in float64 with every parameter off its initial value."""
    generator = torch.Generator().manual_seed(3)
    module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.5 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return module


def assert_agree(ours: Tensor, slow: Tensor, leaves: Iterable[Tensor]) -> None:
    """Values, and the gradients of one random projection of them, agree to :data:`TOLERANCE`."""
    assert ours.dtype == slow.dtype == torch.float64
    torch.testing.assert_close(ours, slow, rtol=TOLERANCE, atol=TOLERANCE)
    leaves = list(leaves)
    direction = torch.randn(ours.shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    both = [
        torch.autograd.grad((values * direction).sum(), leaves, retain_graph=True, materialize_grads=True)
        for values in (ours, slow)
    ]
    for mine, theirs in zip(*both, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=TOLERANCE, atol=TOLERANCE)
