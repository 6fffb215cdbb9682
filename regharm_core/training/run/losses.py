"""The foreground-normalised mean squared error (paper, Eq. 8)."""

from __future__ import annotations

from torch import Tensor

A_MIN = 100.0  # pixels, as in the paper


def foreground_mse(output: Tensor, target: Tensor, mask: Tensor, minimum_area: float = A_MIN) -> Tensor:
    """Squared error over the image divided by the foreground's area, mean over the batch (Eq. 8).

    Args:
        output, target: B 3 H W, the same range.
        mask: B 1 H W in [0, 1].
        minimum_area: A_min in pixels; keeps a tiny foreground from ruling the batch.

    Returns:
        A scalar.
    """
    error = (output - target).square().sum((1, 2, 3))  # B
    area = mask.sum((1, 2, 3)).clamp_min(minimum_area)
    return (error / area).mean()
