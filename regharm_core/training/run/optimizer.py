"""Muon for the matrices of a network, Adam for the rest.

Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024): the running mean of a matrix's
gradient is replaced by the nearest matrix whose singular values are all about 1, so that no direction is learned much
slower than another. Steps are scaled to the size of Adam's (Liu et al., "Muon is Scalable for LLM Training", 2025), so
both take the same rate. torch's own Muon takes no convolutions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

SMALLEST = 16  # shorter side of what counts as a matrix: below, Adam is as good
MOMENTUM = 0.95
LIKE_ADAM = 0.2  # root mean square of Adam's steps, in parts of the rate
QUINTIC = (3.4445, -4.7750, 2.0315)  # of the iteration, steep at zero
ITERATIONS = 5


class Muon(torch.optim.Adam):
    """Adam, but convolutions and linear layers of at least SMALLEST x SMALLEST learn by Muon.

    Args:
        parameters: to learn.
        rate: of both; a tensor on the parameters' device where steps are recorded.
        betas: Adam's.
        capturable: as of torch's Adam.
        decay: matrices shrink by this share, times the rate, in each step.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        rate: float | Tensor,
        betas: tuple[float, float],
        *,
        capturable: bool = False,
        decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, rate, betas, capturable=capturable)
        self.decay = decay

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step; gradients of matrices are used up."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and is_matrix(parameter):
                    self._turn(parameter, parameter.grad, group["lr"])
                    parameter.grad = None  # so that Adam leaves it alone
        super().step(closure)

    def _turn(self, parameter: Tensor, gradient: Tensor, rate: float | Tensor) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())  # Adam looks for it
            state["momentum"] = torch.zeros_like(gradient)
        mean: Tensor = state["momentum"]
        mean.lerp_(gradient, 1 - MOMENTUM)
        ahead = gradient.lerp(mean, MOMENTUM)
        matrix = ahead.flatten(1)
        size = LIKE_ADAM * max(matrix.shape) ** 0.5
        step = level(matrix).to(parameter.dtype).view(ahead.shape)
        if self.decay:
            parameter.mul_(1 - rate * self.decay)
        if isinstance(rate, Tensor):  # on the device, where a recorded step reads it
            parameter.sub_(step * (rate * size))
        else:
            parameter.add_(step, alpha=-rate * size)


def is_matrix(parameter: Tensor) -> bool:
    """Whether Muon learns it."""
    return parameter.ndim > 1 and min(parameter.shape[0], parameter[0].numel()) >= SMALLEST


def level(matrix: Tensor) -> Tensor:
    """A matrix with the same singular vectors and singular values of about 1: N M -> N M, in bfloat16.

    The values end between 0.6 and 1.3, if none is below a hundredth of their root sum of squares.
    """
    a, b, c = QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    answer = matrix.T if tall else matrix
    answer = (answer / answer.norm().clamp_min(1e-7)).bfloat16()
    for _ in range(ITERATIONS):
        square = answer @ answer.T
        answer = a * answer + (b * square + c * square @ square) @ answer
    return answer.T if tall else answer
