"""The overall branch: what the foreground and the background look like as wholes, and the one change that follows.

AdaIN's idea (the background's statistics for the foreground's) with a learned rule in its place: masked statistics of
the deepest features, of the eye's features and of the plain colours, inside and outside, go through a perceptron. It
draws one affine colour map for the whole foreground and a modulation of the decoder (scale and shift, as in Perez et
al., "FiLM", AAAI 2018). Coarse first, regional second.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import masked_mean_std, single_or_double

LIGHTNESS = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85)  # steps of the soft histograms
SATURATION = (0.1, 0.25, 0.5)
SOFTNESS = 20.0  # slope of their steps
COLOUR_STATISTICS = 3 * 4 + len(LIGHTNESS) + len(SATURATION)


@dataclass(frozen=True)
class Impression:
    """What the overall branch makes of a composite.

    Attributes:
        maps: one colour map about middle grey, B 12 1 1.
        scale, shift: of the deepest features, B C 1 1 each.
        hidden: the perceptron's last layer, B hidden.
    """

    maps: Tensor
    scale: Tensor
    shift: Tensor
    hidden: Tensor


class Overall(nn.Module):
    """Statistics inside and outside -> :class:`Impression`. Its last layers start at zero: no change at first.

    Args:
        deep: channels of the deepest features.
        eye: channels of the eye's features that it is given, 0 for none.
        hidden: width of the perceptron.
    """

    def __init__(self, deep: int, eye: int, hidden: int) -> None:
        super().__init__()
        inside = 4 * deep + 2 * eye + 2 * COLOUR_STATISTICS
        self.perceptron = nn.Sequential(
            nn.Linear(inside, hidden),
            nn.LayerNorm(hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, hidden),
            nn.LayerNorm(hidden),
            nn.LeakyReLU(0.2),
        )
        self.maps = nn.Linear(hidden, 12)
        self.modulation = nn.Linear(hidden, 2 * deep)
        for layer in (self.maps, self.modulation):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        deep: Tensor,
        eye: Tensor | None,
        image: Tensor,
        mask: Tensor,
        closed: Tensor,
        told: Tensor | None = None,
    ) -> Impression:
        """Look at the whole.

        Args:
            deep: the deepest features, B C h w.
            eye: the eye's, B E h w.
            image: B 3 H W in [0, 1].
            mask: B 1 H W, the foreground.
            closed: B 1 H W, the foreground and what else may not be consulted.
            told: B hidden, what the rim told, see :mod:`.told`.
        """
        size, own = (deep.shape[-2], deep.shape[-1]), deep.dtype
        deep, image, mask, closed = (single_or_double(part) for part in (deep, image, mask, closed))
        inside, outside = (F.interpolate(part, size, mode="area") for part in (mask, 1 - closed))
        parts = [*masked_mean_std(deep, inside), *masked_mean_std(deep, outside)]
        if eye is not None:
            eye = single_or_double(eye)
            parts += [masked_mean_std(eye, inside)[0], masked_mean_std(eye, outside)[0]]
        statistics = [part[:, :, 0, 0] for part in parts]
        statistics += [colour_statistics(image, mask), colour_statistics(image, 1 - closed)]
        hidden = self.perceptron[0](torch.cat(statistics, dim=1).to(own))
        hidden = self.perceptron[1:](hidden if told is None else hidden + told)
        scale, shift = self.modulation(hidden)[:, :, None, None].chunk(2, dim=1)
        return Impression(self.maps(hidden)[:, :, None, None], scale, shift, hidden)


def colour_statistics(image: Tensor, weight: Tensor) -> Tensor:
    """The masked colours in numbers of about unit size: B 3 H W in [0, 1] and B 1 H W -> B COLOUR_STATISTICS.

    Mean, deviation, the correlation of each channel with the next, skew, and the shares that are lighter and more
    saturated than a few steps. A picture without weight gets mean 0, no spread and no shares.
    """
    weight = weight / weight.sum((2, 3), keepdim=True).clamp_min(1e-4)
    mean = (image * weight).sum((2, 3), keepdim=True)
    centred = image - mean
    variance = (centred.square() * weight).sum((2, 3), keepdim=True)
    deviation = (variance + 1e-5).sqrt()
    unit = centred / deviation
    correlation = (unit * unit.roll(1, 1) * weight).sum((2, 3))
    skew = (unit.pow(3) * weight).sum((2, 3))
    lightness = image.mean(1, keepdim=True)
    saturation = image.amax(1, keepdim=True) - image.amin(1, keepdim=True)
    steps = [(lightness - t) * SOFTNESS for t in LIGHTNESS] + [(saturation - t) * SOFTNESS for t in SATURATION]
    shares = (torch.sigmoid(torch.cat(steps, dim=1)) * weight).sum((2, 3))
    parts = [
        mean[:, :, 0, 0] * 2 - 1,
        deviation[:, :, 0, 0] * 4 - 1,
        correlation,
        skew.clamp(-3, 3) / 2,
        shares * 2 - 1,
    ]
    return torch.cat(parts, dim=1)
