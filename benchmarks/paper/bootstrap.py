"""The 95 % interval of what is made of a mean, by drawing the samples anew."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

RESAMPLES = 4000


def bootstrap(samples: Tensor, of_means: Callable[[Tensor], Tensor] = lambda means: means) -> list[float]:
    """Percentile bootstrap, drawn alike every time.

    Args:
        samples: N or N D, float64.
        of_means: from the resamples' means (R or R D) to the quantity asked about (R); the mean itself by default.

    Returns:
        Its lower and upper end, to three digits.
    """
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(len(samples), (RESAMPLES, len(samples)), generator=generator)
    ends = torch.quantile(of_means(samples[drawn].mean(1)), torch.tensor([0.025, 0.975], dtype=torch.float64))
    return [round(end, 3) for end in ends.tolist()]
