"""What a harmonization changed, measured and in words: "darker, cooler, less saturated"."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import torch
from torch import Tensor

from .light import encode
from .sampled import sampled

LUMA = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709, taken of the coded values, as an editor's histogram does
LOOKED_AT = 512  # px a side: of a larger foreground every second, third, ... pixel is measured
NOTICED, MUCH = 1.5, 24.0  # of 255: below the one nothing is said, from the other on "much"
PLAIN = 6.0  # of 255: below it "slightly"
CONTRAST = 6.0  # percent of the spread of lightness that are as large as one of 255 elsewhere


@dataclass(frozen=True)
class Change:
    """How the foreground of one picture changed, seen as a person would; the colours in steps of 255.

    Attributes:
        share: the foreground's part of the picture, 0 to 1.
        lightness: difference of the mean luma; positive is lighter.
        warmth: difference of the mean of red minus blue; positive is warmer.
        green: difference of the mean of green minus half of red and blue; positive is greener.
        saturation: difference of the mean distance between the largest and the smallest channel.
        contrast: change of the spread (standard deviation) of luma, in percent of what it was.
        size: mean distance between old and new values, all channels alike.
    """

    share: float
    lightness: float = 0.0
    warmth: float = 0.0
    green: float = 0.0
    saturation: float = 0.0
    contrast: float = 0.0
    size: float = 0.0


def measure_change(before: Tensor, after: Tensor, mask: Tensor, *, linear: bool = False) -> Change:
    """Compare one picture with its harmonized self, over the foreground.

    Args:
        before: 3 H W, in [0, 1] where it is to be seen; values beyond are taken as the nearest inside.
        after: 3 H W.
        mask: 1 H W in [0, 1], the weight of each pixel.
        linear: the pictures are linear light; measured is what a display shows of them.

    Returns:
        Zero everywhere, with share 0, where the mask is empty.
    """
    share = float(mask.mean()) if mask.numel() else 0.0
    weight, old, new = (part.float() for part in sampled(mask, LOOKED_AT, before, after))
    total = weight.sum()
    if not float(total) > 0:
        return Change(share)
    old, new = old.clamp(0, 1), new.clamp(0, 1).to(old.device)
    if linear:
        old, new = encode(old), encode(new)
    weight = weight.to(old.device) / total.to(old.device)
    facts: list[Tensor] = []
    for colours in (old, new):
        red, green, blue = colours
        luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
        mean = (luma * weight[0]).sum()
        spread = ((luma - mean).square() * weight[0]).sum().sqrt()
        chroma = colours.amax(0) - colours.amin(0)
        others = [(part * weight[0]).sum() for part in (red - blue, green - (red + blue) / 2, chroma)]
        facts.append(torch.stack([mean, *others, spread]))
    (lightness, warmth, green, saturation, _), (_, _, _, _, spread) = (facts[1] - facts[0]).tolist(), facts[0].tolist()
    contrast = 100 * (facts[1][4].item() / spread - 1) if spread > 1 / 255 else 0.0
    size = ((new - old).abs() * weight).sum().item() / 3
    return Change(share, 255 * lightness, 255 * warmth, 255 * green, 255 * saturation, contrast, 255 * size)


def mean_change(changes: list[Change]) -> Change:
    """The mean of several; nothing at all for none."""
    if not changes:
        return Change(0.0)
    return Change(*(sum(values) / len(changes) for values in zip(*map(astuple, changes), strict=True)))


def change_in_words(change: Change) -> str:
    """A change as a line that a person reads at a glance, such as "darker, cooler, less saturated".

    What is below 1.5 of 255 is not named; if that is everything, the answer says by how little it changed.
    """
    said = [
        _degree(change.lightness, "lighter", "darker"),
        _degree(change.warmth, "warmer", "cooler"),
        _degree(change.green, "greener", "pinker"),
        _degree(change.saturation, "more saturated", "less saturated"),
        _degree(change.contrast / CONTRAST * NOTICED, "more contrast", "less contrast"),
    ]
    words = ", ".join(word for word in said if word)
    if words:
        return words
    if change.size >= NOTICED:
        return f"colours moved by {change.size:.0f} of 255 on average"
    return "unchanged" if change.size == 0 else f"hardly changed, by {change.size:.1f} of 255 on average"


def share_in_words(shares: list[float]) -> str:
    """Parts of pictures in percent: "18 %", "3 to 18 %", "0.4 %"."""
    low, high = _percent(min(shares)), _percent(max(shares))
    return f"{high} %" if low == high else f"{low} to {high} %"


def _percent(share: float) -> str:
    percent = 100 * share
    if 0 < percent < 0.05:
        return "less than 0.1"
    return f"{percent:.1f}" if 0 < percent < 0.95 else f"{percent:.0f}"


def _degree(value: float, more: str, less: str) -> str:
    size, word = abs(value), more if value > 0 else less
    if size < NOTICED:
        return ""
    if size < PLAIN:
        return f"slightly {word}"
    if size < MUCH:
        return word
    return f"much {word}"
