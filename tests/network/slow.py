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
Place = tuple[int, int]  # y, x


@dataclass
class Rows:
    """One image's softmax: ``weights[y, x]`` holds one number a reference, in the order of ``places``."""

    weights: dict[Place, Tensor]
    places: list[Place]


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


def pixels(feature: Tensor) -> dict[Place, Tensor]:
    """The C channels at every location of C H W."""
    height, width = feature.shape[1:]
    flat = feature.flatten(1).unbind(1)
    return {(y, x): flat[y * width + x] for y in range(height) for x in range(width)}


def rebuild(tokens: dict[Place, Tensor], height: int, width: int) -> Tensor:
    """The inverse of :func:`pixels`."""
    rows = [torch.stack([tokens[y, x] for x in range(width)], dim=1) for y in range(height)]
    return torch.stack(rows, dim=1)


def statistics(tokens: Sequence[Tensor], weights: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Weighted mean and deviation of some locations, C each."""
    area, mean, variance = 0.0, torch.zeros_like(tokens[0]), torch.zeros_like(tokens[0])
    for token, weight in zip(tokens, weights, strict=True):
        area = area + weight
        mean = mean + weight * token
    mean = mean / area
    for token, weight in zip(tokens, weights, strict=True):
        variance = variance + weight * (token - mean) ** 2
    return mean, (variance / area + EPSILON).sqrt()


def self_attention(feature: Tensor, project: Tensor, gain: Tensor, temperature: float) -> Tensor:
    """Every location looks at every location; C H W, project 3C C."""
    channels = feature.shape[0]
    tokens = pixels(feature)
    parts = {place: project @ token for place, token in tokens.items()}
    keys = [part[channels : 2 * channels] for part in parts.values()]
    values = [part[2 * channels :] for part in parts.values()]
    answer = {}
    for place, token in tokens.items():
        answer[place] = token + gain * mix(match(parts[place][:channels], keys, temperature), values)
    return rebuild(answer, *feature.shape[1:])


def ltl(
    feature: Tensor, foreground: Tensor, background: Tensor, fuse: Tensor, bias: Tensor, temperature: float
) -> tuple[Tensor, Rows]:
    """Eq. 1 and 2 for one image, from the feature after the self-attention layer: C H W and two of H W."""
    raw = pixels(feature)
    mean, deviation = statistics(list(raw.values()), [1.0] * len(raw))
    tokens = {place: (token - mean) / deviation for place, token in raw.items()}
    references = [place for place in tokens if background[place] >= 0.5]
    related_to = [tokens[place] for place in references]
    answer, rows = dict(tokens), Rows({}, references)
    for place, token in tokens.items():
        share = float(foreground[place])
        if references and share > 0:
            rows.weights[place] = match(token, related_to, temperature)
            related = mix(rows.weights[place], related_to)  # Eq. 1
            fused = fuse @ torch.cat([token, related]) + bias  # Eq. 2
            answer[place] = (1 - share) * token + share * fused
    return rebuild(answer, *feature.shape[1:]), rows


def resize(picture: Tensor, height: int, width: int) -> Tensor:
    """Bilinear interpolation between pixel centres, without blur: C H W -> C height width."""
    old_height, old_width = picture.shape[1:]
    old, new = pixels(picture), {}

    def between(n: int, size: int, old_size: int) -> tuple[int, int, float]:
        place = max((n + 0.5) * old_size / size - 0.5, 0.0)
        low = min(int(place), old_size - 1)
        return low, min(low + 1, old_size - 1), place - low

    for y in range(height):
        top, bottom, down = between(y, height, old_height)
        for x in range(width):
            left, right, along = between(x, width, old_width)
            above = (1 - along) * old[top, left] + along * old[top, right]
            below = (1 - along) * old[bottom, left] + along * old[bottom, right]
            new[y, x] = (1 - down) * above + down * below
    return rebuild(new, height, width)


def ptl(
    feature: Tensor,
    foreground: Tensor,
    background: Tensor,
    squeeze: Tensor | None,
    fractions: tuple[int, int],
    temperature: float,
    known: Tensor | None = None,
) -> tuple[Tensor, Rows]:
    """Eq. 3 to 5 for one image: C H W and two of H W.

    ``fractions`` (p, s): blocks of H/p x W/p, H/s x W/s apart. ``squeeze`` is the projection of a block
    to 1 x C: C and the block's size in a 128 px feature; at another size it is resampled and keeps its
    sum. A feature whose sides are no multiples of s is resized up to the next. Where ``known`` (D H W) is given in
    its place, a location is compared by it and a block by the mean of its background's.
    """
    patch, stride = fractions
    height, width = (-(-side // stride) * stride for side in feature.shape[1:])
    source, open_to = feature, background
    if (height, width) != tuple(feature.shape[1:]):
        source, open_to = resize(feature, height, width), resize(background[None], height, width)[0]
    tall, wide = height // patch, width // patch
    kernel: dict[Place, Tensor] = {}
    if squeeze is not None:
        if tuple(squeeze.shape[1:]) != (tall, wide):
            squeeze = resize(squeeze, tall, wide) * (squeeze.shape[1] * squeeze.shape[2] / (tall * wide))
        kernel = pixels(squeeze)
    own: dict[Place, Tensor] = {}  # what locations are compared by
    if known is not None:
        usual = statistics(list(pixels(known).values()), [1.0] * (known.shape[1] * known.shape[2]))
        own = {place: (token - usual[0]) / usual[1] for place, token in pixels(known).items()}
        known = rebuild(own, *feature.shape[1:])
        known = known if known.shape[1:] == source.shape[1:] else resize(known, height, width)
    compared = {} if known is None else pixels(known)
    tokens = pixels(source)

    means, deviations, contents, places = [], [], [], []
    for row, top in enumerate(range(0, height - tall + 1, height // stride)):
        for column, left in enumerate(range(0, width - wide + 1, width // stride)):
            masked = {(y, x): float(open_to[top + y, left + x]) for y in range(tall) for x in range(wide)}
            masked = {place: share for place, share in masked.items() if share > 0}
            if sum(masked.values()) <= 0.5:
                continue
            block = {(y, x): tokens[top + y, left + x] for y, x in masked}
            mean, deviation = statistics(list(block.values()), list(masked.values()))  # Eq. 3
            if known is not None:
                here = [compared[top + y, left + x] for y, x in masked]
                content, _ = statistics(here, list(masked.values()))
            else:
                content = torch.zeros_like(mean)
                for place, token in block.items():
                    content = content + kernel[place] * masked[place] * (token - mean) / deviation
            means.append(mean)
            deviations.append(deviation)
            contents.append(content)
            places.append((row, column))

    answer, rows = pixels(feature), Rows({}, places)
    inside = {place: float(foreground[place]) for place in answer if foreground[place] > 0}
    if places and inside:
        mean, deviation = statistics([answer[place] for place in inside], list(inside.values()))
        for place, share in inside.items():
            token = (answer[place] - mean) / deviation
            rows.weights[place] = match(own.get(place, token), contents, temperature)
            appearance, spread = mix(rows.weights[place], means), mix(rows.weights[place], deviations)  # Eq. 4
            translated = token * spread + appearance  # Eq. 5
            answer[place] = (1 - share) * answer[place] + share * translated
    return rebuild(answer, *feature.shape[1:]), rows


def rain(feature: Tensor, foreground: Tensor, background: Tensor, learned: Sequence[Tensor]) -> Tensor:
    """RainNet's module for one image: the foreground takes the background's statistics, location by location.

    ``learned``: scale and shift of the foreground, scale and shift of the background, C each.
    """
    tokens = pixels(feature)
    inside = [float(foreground[place]) for place in tokens]
    outside = [float(background[place]) for place in tokens]
    if not sum(inside) or not sum(outside):
        return feature
    mean, deviation = statistics(list(tokens.values()), outside)
    inside_mean, inside_deviation = statistics(list(tokens.values()), inside)
    answer = {}
    for (place, token), share in zip(tokens.items(), inside, strict=True):
        moved = ((token - inside_mean) / inside_deviation * deviation + mean) * learned[0] + learned[1]
        kept = (token - mean) / deviation * learned[2] + learned[3]
        answer[place] = share * moved + (1 - share) * kept
    return rebuild(answer, *feature.shape[1:])


def foreground_mse(output: Tensor, target: Tensor, mask: Tensor, minimum_area: float) -> Tensor:
    """Eq. 8 for one image: two of 3 H W, and H W."""
    error, area = torch.zeros_like(output[0, 0, 0]), 0.0
    wanted = pixels(target)
    for place, colour in pixels(output).items():
        for channel in range(3):
            error = error + (colour[channel] - wanted[place][channel]) ** 2
        area += float(mask[place])
    return error / max(minimum_area, area)
