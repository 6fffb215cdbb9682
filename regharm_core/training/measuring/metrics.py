"""MSE, fMSE and PSNR on 8-bit values, as iHarmony4's papers measure them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

PERFECT_PSNR = 100.0  # dB reported where two pictures are identical, so that means stay finite


@dataclass(frozen=True)
class Score:
    """Errors of one picture against the truth, values 0..255: PSNR in dB, MSE, foreground MSE."""

    psnr: float
    mse: float
    fmse: float


def score(picture: Tensor, truth: Tensor, mask: Tensor) -> Score:
    """Compare two pictures in [0, 1], 3 H W, after rounding to 8 bits.

    The foreground is where ``mask`` (1 H W) is above one half; without any, fMSE is 0.
    """
    error = (_to_8bit(picture) - _to_8bit(truth)).square().mean(0)  # H W
    inside = mask[0] > 0.5
    mse = float(error.mean())
    fmse = float(error[inside].mean()) if bool(inside.any()) else 0.0
    psnr = 10 * math.log10(255**2 / mse) if mse > 0 else PERFECT_PSNR
    return Score(min(psnr, PERFECT_PSNR), mse, fmse)


def mean_score(scores: list[Score]) -> Score:
    """The mean over pictures of each figure."""
    count = max(len(scores), 1)
    return Score(*(sum(getattr(s, n) for s in scores) / count for n in ("psnr", "mse", "fmse")))


def _to_8bit(picture: Tensor) -> Tensor:
    return (picture.double().clamp(0, 1) * 255).round()
