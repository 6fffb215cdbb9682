"""The rim reader: what the edge of the mask tells of how the foreground's colours were moved.

In a photograph of which a part was recoloured, colours go on across the edge of that part: what lies just outside tells
how what lies just inside looked before. At the picture's own size that is plain to see; in the small copy that the
network looks at it is gone. The reader draws one affine map that makes both sides meet. A new edge, as that of a pasted
cut-out, tells nothing, and the reader says so.

JPEG keeps colour differences at half the size, so that what is true of one beside the edge is not of luma: all is done
in these (:mod:`.ycc`).

Several times it weighs the profiles (:mod:`.profiles`), guesses for each which colour inside belongs to which outside,
and finds the map that fits them all best; each time it knows how well the last map fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .layers import single_or_double
from .profiles import FINE, INSIDE, SAMPLES, Rim
from .ycc import FROM_YCC, TO_YCC

ROUNDS = 3
STATISTICS, ERRORS = 18, 10  # numbers that tell how a fit went: of the whole, and of each profile
LAST, FIRST = INSIDE - 1, INSIDE  # the samples beside the edge: the last inside and the first outside
INNER = (2, 1, 0, len(FINE) + LAST)  # samples inside that a colour there is extrapolated with
OUTER = (5, 6, 7, len(FINE) + FIRST)  # and outside
GUESSED = len(INNER) + len(OUTER) + 2  # numbers drawn for a guess: a share of each sample, and of two steps inside
FREE = 2e-4  # of a colour's variance: what keeps the free fit of one hue from being anything
LEAST = 1e-5  # the smallest ridge
ALONE = 0.4, 0.5  # what is expected to be left of the error where a reading is taken whole, and not at all
TOLD = 0.5, 0.7  # the same for a network that is told of the reading, and may take some of it back
RIDGE = (-12.0, 8.0)  # logarithm: at most no slope at all is left, and numbers stay finite
USUAL = 6.0  # both errors' logarithm where there is no edge: about that of common composites
TRAINED_ON = ("cpu", "cuda")  # devices on which autocast may be on; not every other knows of it
SOFT = 1e-6  # keeps the roots and logarithms of sizes finite


@dataclass(frozen=True)
class Reading:
    """What the rim tells.

    Attributes:
        maps: one colour map, B 12 1 1 (see :mod:`.maps`): what makes both sides of the edge meet.
        error: B, the logarithm of the squared error that is expected after it, summed over the three channels of
            colours in [0, 100].
        before: B, the same without it. Where both are alike the rim tells nothing.
    """

    maps: Tensor
    error: Tensor
    before: Tensor

    @property
    def left(self) -> Tensor:
        """B in [0, 1]: the share of the error that is expected to be left."""
        return (self.error - self.before).clamp(max=0).exp()

    def if_sure(self, limits: tuple[float, float]) -> Reading:
        """What of it to take: a doubtful reading in part or not at all, since it would mislead the network.

        Args:
            limits: ``ALONE`` or ``TOLD``.
        """
        sure, unsure = limits
        share = ((unsure - self.left) / (unsure - sure)).clamp(0, 1)
        left = 1 - share * (1 - self.left)
        return Reading(self.maps * share[:, None, None, None], self.before + left.log(), self.before)


class RimReader(nn.Module):
    """Profiles -> :class:`Reading`.

    Args:
        width: of its perceptrons.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        steps = 3 * (len(FINE) - 1)
        self.first = _perceptron(SAMPLES * 4 + 3 + steps, width)
        self.again = nn.ModuleList(
            _perceptron(2 * width + STATISTICS + (ERRORS if number else 0), width) for number in range(ROUNDS)
        )
        self.weigh = nn.ModuleList(nn.Linear(width, 1 + 2 * GUESSED) for _ in range(ROUNDS))
        self.judge = nn.ModuleList(
            nn.Sequential(nn.Linear(2 * width + STATISTICS + 1, width), nn.LeakyReLU(0.2), nn.Linear(width, 7))
            for _ in range(ROUNDS)
        )
        for stack in (*self.weigh, *self.judge):
            last = list(stack.modules())[-1]
            for parameter in last.parameters():
                nn.init.zeros_(parameter)

    def forward(self, rim: Rim) -> Reading:
        """What the rims tell, in single precision at least, for every look: nothing where there is none."""
        found = self.rounds(rim.profiles)[-1]
        maps = torch.where(rim.there[:, None, None, None], found.maps, 0.0)
        told = maps, torch.where(rim.there, found.error, USUAL), torch.where(rim.there, found.before, USUAL)
        return Reading(*(part if rim.looks == 1 else torch.cat([part] * rim.looks) for part in told))

    def rounds(self, profiles: Tensor) -> list[Reading]:
        """The reading of every round; the last is the answer.

        No fit is made in half precision, whatever autocast says. Perceptrons that learn do as it says.
        """
        device, mixed = profiles.device.type, nullcontext()
        if device not in TRAINED_ON:
            return self._rounds(single_or_double(profiles), mixed)
        if torch.is_grad_enabled() and torch.is_autocast_enabled(device):
            mixed = torch.autocast(device, torch.get_autocast_dtype(device))
        with torch.autocast(device, enabled=False):
            return self._rounds(single_or_double(profiles), mixed)

    def _rounds(self, profiles: Tensor, mixed: AbstractContextManager[Any]) -> list[Reading]:
        """``mixed``: what perceptrons compute within."""
        own = next(self.parameters()).dtype
        colour = torch.stack(_mixed(profiles[..., :3].unbind(-1), TO_YCC), dim=-1)
        edge = colour[:, :, FIRST]
        fine = colour[:, :, : len(FINE)]
        shown = [
            ((colour - edge[:, :, None]) * 4).flatten(2),
            profiles[..., 3],
            edge * 2 - 1,
            ((fine[:, :, 1:] - fine[:, :, :-1]) * 8).flatten(2),
        ]
        with mixed:
            features = self.first(torch.cat(shown, dim=-1).to(own)).to(own)
        count = features.shape[1]
        statistics = profiles.new_zeros(len(profiles), STATISTICS)
        fitted: list[Tensor] = []
        readings = []
        for again, weigh, judge in zip(self.again, self.weigh, self.judge, strict=True):
            whole = features.mean(1)
            known = [features, _for_each(whole, count), _for_each(statistics, count).to(own)]
            known += [part.to(own) for part in fitted]
            with mixed:
                features = features + again(torch.cat(known, dim=-1)).to(own)
            drawn = single_or_double(weigh(features))
            weight = torch.softmax(drawn[..., 0].clamp(-8, 8), dim=1)[..., None]  # B N 1
            source, goal = _guessed(colour, drawn[..., 1:].unflatten(2, (2, GUESSED)))
            fit = _Fit(source, goal, weight)
            statistics = fit.statistics()
            spread = ((1 / weight.square().sum((1, 2)) + 1).log() / 5)[:, None]
            seen = single_or_double((features * weight.to(own)).sum(1))
            facts = torch.cat([single_or_double(whole), seen, statistics, spread], dim=-1)
            judged = single_or_double(judge(facts.to(own)))
            ridge, share = (judged[:, :2] * 2 - 6.5).clamp(*RIDGE).exp() + LEAST, torch.sigmoid(judged[:, 2:5] + 2)
            error, before = judged[:, 5:].unbind(1)
            maps = _in_rgb(fit.map(ridge, share))
            readings.append(Reading(maps, error + 3, before + 4))
            fitted = fit.errors()
        return readings


class _Fit:
    """The weighted fit of colours inside, B N 3, to what they should be, with weights B N 1 whose sum is 1."""

    def __init__(self, source: Tensor, goal: Tensor, weight: Tensor) -> None:
        self.weight = weight
        self.middle = (source * weight).sum(1, keepdim=True)
        self.centred = source - self.middle
        change = goal - source
        self.shift = (change * weight).sum(1, keepdim=True)
        self.change = change - self.shift
        weighted = (self.centred * weight).transpose(1, 2)
        self.spread, self.cross = weighted @ self.centred, weighted @ self.change
        self.slope = self._slope(torch.full_like(self.spread[:, 0, 0], FREE))
        self.rest = self.change - self.centred @ self.slope

    def _slope(self, ridge: Tensor) -> Tensor:
        return inverse(self.spread + torch.diag_embed(ridge[:, None].expand(-1, 3))) @ self.cross

    def map(self, ridge: Tensor, share: Tensor) -> Tensor:
        """The map, B 3 4: a matrix and a shift.

        Args:
            ridge: B 2, what keeps the slopes small, of luma and of both colour differences.
            share: B 3, how much of the middle's change is taken.
        """
        luma, difference = (self._slope(part) for part in ridge.unbind(1))
        slope = torch.cat([luma[..., :1], difference[..., 1:]], dim=2)
        constant = self.shift[:, 0] * share - (self.middle @ slope)[:, 0]
        return torch.cat([slope.transpose(1, 2), constant[..., None]], dim=2)

    def statistics(self) -> Tensor:
        """B STATISTICS: where the colours are, how they change, and how much of that one map explains."""

        def size(values: Tensor) -> Tensor:
            return ((values.square() * self.weight).sum(1) + SOFT).sqrt()

        source, change, rest = size(self.centred), size(self.change), size(self.rest)
        goal = size(self.centred + self.change)
        return torch.cat(
            [
                self.middle[:, 0] * 2 - 1,
                self.shift[:, 0] * 4,
                source.log() / 2 + 1,
                change.log() / 2 + 1,
                rest.log() / 2 + 1,
                (rest / goal).log(),
            ],
            dim=-1,
        )

    def errors(self) -> list[Tensor]:
        """B N ERRORS in parts: what the free fit leaves of a profile, its size, that against the others', the fit."""
        size = (self.rest.square().mean(-1, keepdim=True) + SOFT).sqrt()
        common = ((self.rest.square() * self.weight).sum(1, keepdim=True) + SOFT).sqrt().mean(-1, keepdim=True)
        fit = self.centred @ self.slope + self.shift
        return [
            self.rest * 5,
            size * 10,
            (size / (common + 1e-3)).clamp(max=5),
            fit * 3,
            fit.abs().amax(-1, True),
            size.log(),
        ]


def inverse(matrices: Tensor) -> Tensor:
    """Of B 3 3, by cross products: not every device that hosts run on can solve linear equations."""
    first, second, third = matrices.unbind(2)
    rows = [_crossed(second, third), _crossed(third, first), _crossed(first, second)]
    return torch.stack(rows, dim=1) / (first * rows[0]).sum(1)[:, None, None]


def _crossed(a: Tensor, b: Tensor) -> Tensor:
    return a.roll(-1, 1) * b.roll(-2, 1) - a.roll(-2, 1) * b.roll(-1, 1)


def _guessed(colour: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """For each profile a colour inside and the one that it should have, B N 3 each.

    They are those beside the edge, each carried towards the other side: by half a step of what is seen outside, and by
    what the reader has drawn, B N 2 GUESSED, for luma and for both colour differences.
    """
    inner = colour[:, :, INNER] - colour[:, :, LAST, None]
    outer = colour[:, :, OUTER] - colour[:, :, FIRST, None]
    each = torch.cat([drawn, drawn[:, :, 1:]], dim=2)  # B N 3 GUESSED
    inside, outside, across = each.transpose(2, 3).split([len(INNER), len(OUTER), 2], dim=2)
    source = colour[:, :, LAST] + (inside * inner).sum(2)
    goal = colour[:, :, FIRST] + (outside * outer).sum(2) - outer[:, :, 0] / 2 - (across * inner[:, :, :2]).sum(2)
    return source, goal


def _in_rgb(opponent: Tensor) -> Tensor:
    """A map of luma and colour differences, B 3 4, as one of red, green and blue: B 12 1 1."""
    red, green, blue = (row.split([3, 1], dim=1) for row in _mixed(opponent.unbind(1), FROM_YCC))
    columns = tuple(zip(*TO_YCC, strict=True))
    slopes = [part for row in (red, green, blue) for part in _mixed(row[0].unbind(1), columns)]
    return torch.stack([*slopes, red[1][:, 0], green[1][:, 0], blue[1][:, 0]], dim=1)[:, :, None, None]


def _mixed(parts: Sequence[Tensor], rows: Sequence[Sequence[float]]) -> list[Tensor]:
    """A matrix times parts. Its numbers stay on the host: a recorded step (a CUDA graph) may copy none from there."""
    first, *others = parts
    answers = []
    for number, *more in rows:
        answer = first * number
        for part, share in zip(others, more, strict=True):
            answer = answer + part * share
        answers.append(answer)
    return answers


def _for_each(whole: Tensor, count: int) -> Tensor:
    return whole[:, None].expand(-1, count, -1)


def _perceptron(inside: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inside, 2 * width), nn.LeakyReLU(0.2), nn.Linear(2 * width, width), nn.LeakyReLU(0.2)
    )
