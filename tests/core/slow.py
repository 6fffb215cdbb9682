"""The paper's equations as loops over locations and blocks, one line after the other, for float64.

Written from the print, not from the package. Three things the print leaves open are settled as the
package's docstrings say: the softmax has a temperature, Eq. 3 is the masked variance, and a soft mask
weights a block once. Weights are taken from the module under test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

EPSILON = 1e-5


@dataclass
class Rows:
    """One image's softmax: ``weights[y, x]`` is a list over the references, which ``places`` names."""

    weights: dict[tuple[int, int], Tensor]
    places: list[tuple[int, int]]


def softmax(logits: Sequence[Tensor]) -> Tensor:
    """Exponentials over their sum."""
    top = max(float(logit.detach()) for logit in logits)
    raised = [(logit - top).exp() for logit in logits]
    whole = raised[0]
    for one in raised[1:]:
        whole = whole + one
    return torch.stack([one / whole for one in raised])


def mix(weights: Tensor, values: Sequence[Tensor]) -> Tensor:
    """Sum of the values, each times its weight."""
    total = weights[0] * values[0]
    for n in range(1, len(values)):
        total = total + weights[n] * values[n]
    return total


def match(query: Tensor, keys: Sequence[Tensor], temperature: float) -> Tensor:
    """One row of Softmax(Q K^T): the weight of every key for one query of C channels."""
    scale = temperature * math.sqrt(len(query))
    return softmax([(query * key).sum() / scale for key in keys])


def rebuild(tokens: dict[tuple[int, int], Tensor], height: int, width: int) -> Tensor:
    """Tokens of C channels by location, put together as C H W."""
    rows = [torch.stack([tokens[y, x] for x in range(width)], dim=1) for y in range(height)]
    return torch.stack(rows, dim=1)


def locations(feature: Tensor) -> list[tuple[int, int]]:
    return [(y, x) for y in range(feature.shape[1]) for x in range(feature.shape[2])]


def self_attention(feature: Tensor, project: Tensor, gain: Tensor, temperature: float) -> Tensor:
    """Every location looks at every location; C H W, project 3C C."""
    channels = feature.shape[0]
    everywhere = locations(feature)
    parts = [project @ feature[:, y, x] for y, x in everywhere]
    queries, keys, values = ([part[n * channels : (n + 1) * channels] for part in parts] for n in range(3))
    tokens = {}
    for place, query in zip(everywhere, queries, strict=True):
        tokens[place] = feature[:, place[0], place[1]] + gain * mix(match(query, keys, temperature), values)
    return rebuild(tokens, *feature.shape[1:])


def statistics(feature: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and deviation of C H W over the locations where H W has weight (two of C)."""
    places = [(y, x) for y, x in locations(feature) if weight[y, x] > 0]
    area, mean = 0.0, torch.zeros_like(feature[:, 0, 0])
    for y, x in places:
        area = area + weight[y, x]
        mean = mean + weight[y, x] * feature[:, y, x]
    mean = mean / area
    variance = torch.zeros_like(mean)
    for y, x in places:
        variance = variance + weight[y, x] * (feature[:, y, x] - mean) ** 2
    return mean, (variance / area + EPSILON).sqrt()


def ltl(
    feature: Tensor, foreground: Tensor, background: Tensor, fuse: Tensor, bias: Tensor, temperature: float
) -> tuple[Tensor, Rows]:
    """Eq. 1 and 2 for one image, from the feature after the self-attention layer: C H W and two of H W."""
    mean, deviation = statistics(feature, torch.ones_like(foreground))
    tokens = {(y, x): (feature[:, y, x] - mean) / deviation for y, x in locations(feature)}
    references = [place for place in tokens if background[place] >= 0.5]
    fused, rows = dict(tokens), Rows({}, references)
    if references:
        for place, token in tokens.items():
            if foreground[place] > 0:
                weights = match(token, [tokens[other] for other in references], temperature)  # Eq. 1
                related = mix(weights, [tokens[other] for other in references])
                answer = fuse @ torch.cat([token, related]) + bias  # Eq. 2
                fused[place] = (1 - foreground[place]) * token + foreground[place] * answer
                rows.weights[place] = weights
    return rebuild(fused, *feature.shape[1:]), rows


def resize(picture: Tensor, height: int, width: int) -> Tensor:
    """Bilinear interpolation between pixel centres, without blur: C H W -> C height width."""
    old_height, old_width = picture.shape[1:]

    def between(n: int, new: int, old: int) -> tuple[int, int, float]:
        place = max((n + 0.5) * old / new - 0.5, 0.0)
        low = min(int(place), old - 1)
        return low, min(low + 1, old - 1), place - low

    tokens = {}
    for y in range(height):
        top, bottom, down = between(y, height, old_height)
        for x in range(width):
            left, right, along = between(x, width, old_width)
            above = (1 - along) * picture[:, top, left] + along * picture[:, top, right]
            below = (1 - along) * picture[:, bottom, left] + along * picture[:, bottom, right]
            tokens[y, x] = (1 - down) * above + down * below
    return rebuild(tokens, height, width)


def ptl(
    feature: Tensor,
    foreground: Tensor,
    background: Tensor,
    squeeze: Tensor,
    patch: int,
    stride: int,
    temperature: float,
) -> tuple[Tensor, Rows]:
    """Eq. 3 to 5 for one image: C H W and two of H W; blocks of H/patch x W/patch, H/stride x W/stride apart.

    ``squeeze`` is the projection of a block to 1 x C, C and the block's size of a 128 px feature; at
    another size it is resampled and keeps its sum. Sides are first resized to a multiple of ``stride``.
    """
    height, width = (-(-side // stride) * stride for side in feature.shape[1:])
    source, open_to = feature, background
    if (height, width) != tuple(feature.shape[1:]):
        source, open_to = resize(feature, height, width), resize(background[None], height, width)[0]
    tall, wide = height // patch, width // patch
    kernel = squeeze
    if tuple(kernel.shape[1:]) != (tall, wide):
        kernel = resize(squeeze, tall, wide) * (squeeze.shape[1] * squeeze.shape[2] / (tall * wide))

    means, deviations, contents, places = [], [], [], []
    for top in range(0, height - tall + 1, height // stride):
        for left in range(0, width - wide + 1, width // stride):
            block = source[:, top : top + tall, left : left + wide]
            mask = open_to[top : top + tall, left : left + wide]
            if float(mask.sum()) <= 0.5:
                continue
            mean, deviation = statistics(block, mask)  # Eq. 3
            content = torch.zeros_like(mean)
            for y, x in locations(block):
                if mask[y, x] > 0:
                    content = content + kernel[:, y, x] * mask[y, x] * (block[:, y, x] - mean) / deviation
            means.append(mean)
            deviations.append(deviation)
            contents.append(content)
            places.append((top // (height // stride), left // (width // stride)))

    tokens, rows = {(y, x): feature[:, y, x] for y, x in locations(feature)}, Rows({}, places)
    inside = [place for place in tokens if foreground[place] > 0]
    if places and inside:
        mean, deviation = statistics(feature, foreground)
        for y, x in inside:
            content = (feature[:, y, x] - mean) / deviation
            weights = match(content, contents, temperature)
            appearance, spread = mix(weights, means), mix(weights, deviations)  # Eq. 4
            translated = content * spread + appearance  # Eq. 5
            tokens[y, x] = (1 - foreground[y, x]) * feature[:, y, x] + foreground[y, x] * translated
            rows.weights[y, x] = weights
    return rebuild(tokens, *feature.shape[1:]), rows


def rain(feature: Tensor, foreground: Tensor, background: Tensor, learned: Sequence[Tensor]) -> Tensor:
    """RainNet's module for one image: the foreground takes the background's statistics, location by location.

    ``learned``: scale and shift of the foreground, scale and shift of the background, C each.
    """
    if not (foreground > 0).any() or not (background > 0).any():
        return feature
    mean, deviation = statistics(feature, background)
    inside_mean, inside_deviation = statistics(feature, foreground)
    tokens = {}
    for y, x in locations(feature):
        value, share = feature[:, y, x], foreground[y, x]
        inside = ((value - inside_mean) / inside_deviation * deviation + mean) * learned[0] + learned[1]
        outside = (value - mean) / deviation * learned[2] + learned[3]
        tokens[y, x] = share * inside + (1 - share) * outside
    return rebuild(tokens, *feature.shape[1:])


def foreground_mse(output: Tensor, target: Tensor, mask: Tensor, minimum_area: float) -> Tensor:
    """Eq. 8 for one image: two of 3 H W, and H W."""
    error, area = torch.zeros_like(output[0, 0, 0]), 0.0
    for y, x in locations(output):
        for channel in range(output.shape[0]):
            error = error + (output[channel, y, x] - target[channel, y, x]) ** 2
        area += float(mask[y, x])
    return error / max(minimum_area, area)
