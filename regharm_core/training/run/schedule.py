"""The learning rate over a run."""

from __future__ import annotations

import math

from .recipe import Recipe


def rate(recipe: Recipe, progress: float, step: int) -> float:
    """The share of the recipe's learning rate at ``progress`` in [0, 1] of the budget, after ``step`` steps.

    A linear rise over the warm-up, then a cosine to 1 %, or the paper's tenth from epoch 120 of 140 on.
    """
    rise = min((step + 1) / max(recipe.warmup, 1), 1.0)
    if recipe.schedule == "step":
        return rise * (0.1 if progress >= 120 / 140 else 1.0)
    return rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
