"""What training makes small: the foreground-normalised mean squared error (paper, Eq. 8), and wrong doubts."""

from __future__ import annotations

from torch import Tensor

from ...network.face import HarmonizerOutput
from ...network.layers import single_or_double
from ...network.maps import foreground_energy

A_MIN = 100.0  # pixels, as in the paper


def foreground_mse(
    output: Tensor, target: Tensor, mask: Tensor, minimum_area: float = A_MIN, weight: Tensor | None = None
) -> Tensor:
    """Squared error over the image divided by the foreground's area, mean over the batch (Eq. 8).

    Args:
        output, target: B 3 H W, the same range.
        mask: B 1 H W in [0, 1].
        minimum_area: A_min in pixels; keeps a tiny foreground from ruling the batch.
        weight: B, how much each composite counts (not in the paper); all 1 where None.

    Returns:
        A scalar.
    """
    error = (output - target).square().sum((1, 2, 3))  # B
    area = mask.sum((1, 2, 3)).clamp_min(minimum_area)
    share = error / area
    return (share if weight is None else share * weight).mean()


def doubt_loss(output: HarmonizerOutput, target: Tensor, mask: Tensor) -> Tensor | None:
    """How badly a network foresaw its own errors, a scalar; None for a network that does not say.

    The negative log likelihood of an exponential distribution, ``e exp(-s) + s``: it is smallest where exp(s) is the
    mean of the errors e that look alike. Nothing flows back into the answer.

    Args:
        output: of one pass.
        target: B 3 H W in [0, 1].
        mask: B 1 H W in [0, 1].
    """
    if output.doubt is None:
        return None
    error = foreground_energy(single_or_double(output.image.detach()) - target, (mask > 0.5).float()).clamp_min(1e-2)
    return (error * (-output.doubt).exp() + output.doubt).mean()
