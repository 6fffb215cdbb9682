"""What the layout "maps" adds, as loops over locations, for float64: see :mod:`.slow`, whose helpers are used.

Weights are taken from the module under test, and nothing else.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .slow import EPSILON, Place, Rows, match, mix, pixels, rebuild, statistics


def same_conv(picture: Tensor, weight: Tensor, bias: Tensor, stride: int, groups: int) -> Tensor:
    """TensorFlow's "same" convolution: C H W, O C/groups k k and O -> O and the sides over the stride, rounded up.

    Output (y, x) looks at the k x k inputs that begin at (y, x) times the stride, less what is padded before; what is
    padded in all is as little as the last output needs, and the smaller half of it comes before.
    """
    kernel = weight.shape[2]
    height, width = picture.shape[1:]
    rows, columns = math.ceil(height / stride), math.ceil(width / stride)
    above = max((rows - 1) * stride + kernel - height, 0) // 2
    before = max((columns - 1) * stride + kernel - width, 0) // 2
    old, new = pixels(picture), {}
    inside, outside = weight.shape[1], weight.shape[0] // groups
    for y in range(rows):
        for x in range(columns):
            total = bias
            for v in range(kernel):
                for u in range(kernel):
                    place = (y * stride + v - above, x * stride + u - before)
                    if place in old:
                        token = old[place]
                        parts = [
                            weight[g * outside : (g + 1) * outside, :, v, u] @ token[g * inside : (g + 1) * inside]
                            for g in range(groups)
                        ]
                        total = total + torch.cat(parts)
            new[y, x] = total
    return rebuild(new, rows, columns)


def change(coefficients: Tensor, colour: Tensor) -> Tensor:
    """One affine map of one colour: 12 (A row by row, then b) and 3 -> 3."""
    answer = []
    for out in range(3):
        total = coefficients[9 + out]
        for channel in range(3):
            total = total + coefficients[3 * out + channel] * colour[channel]
        answer.append(total)
    return torch.stack(answer)


def apply_maps(maps: Tensor, picture: Tensor) -> Tensor:
    """A map at every location: 12 H W and 3 H W -> 3 H W."""
    at, colours = pixels(maps), pixels(picture)
    return rebuild({place: change(at[place], colours[place]) for place in colours}, *picture.shape[1:])


def energy(residual: Tensor, mask: Tensor) -> Tensor:
    """Mean square over the foreground in squared 8-bit values, of one image: 3 H W and H W."""
    total, area = torch.zeros_like(residual[0, 0, 0]), 0.0
    for place, colour in pixels(residual).items():
        for channel in range(3):
            total = total + float(mask[place]) * (255 * colour[channel]) ** 2
        area += float(mask[place])
    return total / (3 * max(area, 1e-6))


def colour_statistics(picture: Tensor, weight: Tensor) -> Tensor:
    """What the overall branch is told of one image's colours: 3 H W and H W -> 21."""
    colours = pixels(picture)
    total = max(sum(float(weight[place]) for place in colours), 1e-4)
    share = {place: float(weight[place]) / total for place in colours}
    mean, variance = torch.zeros_like(picture[:, 0, 0]), torch.zeros_like(picture[:, 0, 0])
    for place, colour in colours.items():
        mean = mean + share[place] * colour
    for place, colour in colours.items():
        variance = variance + share[place] * (colour - mean) ** 2
    deviation = (variance + 1e-5).sqrt()
    correlation, skew = torch.zeros_like(mean), torch.zeros_like(mean)
    shares = [torch.zeros_like(mean[0]) for _ in range(9)]
    steps = [("lightness", step) for step in (0.1, 0.25, 0.4, 0.55, 0.7, 0.85)]
    steps += [("saturation", step) for step in (0.1, 0.25, 0.5)]
    for place, colour in colours.items():
        red, green, blue = unit = (colour - mean) / deviation
        correlation = correlation + share[place] * torch.stack([red * blue, green * red, blue * green])
        skew = skew + share[place] * unit**3
        known = {"lightness": colour.sum() / 3, "saturation": colour.max() - colour.min()}
        for n, (name, step) in enumerate(steps):
            shares[n] = shares[n] + share[place] / (1 + torch.exp(-20 * (known[name] - step)))
    return torch.cat([2 * mean - 1, 4 * deviation - 1, correlation, skew.clamp(-3, 3) / 2, 2 * torch.stack(shares) - 1])


def cell_means(weight: Tensor, rows: int, columns: int) -> Tensor:
    """The mean of H W over each cell of a coarser grid, rows x columns."""
    tall, wide = weight.shape[0] // rows, weight.shape[1] // columns
    answer = torch.zeros(rows, columns, dtype=weight.dtype)
    for y in range(rows):
        for x in range(columns):
            for v in range(tall):
                for u in range(wide):
                    answer[y, x] += weight[y * tall + v, x * wide + u] / (tall * wide)
    return answer


def masked(feature: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and deviation of C H W; 0 and the root of epsilon where there is no weight."""
    if not weight.any():
        return torch.zeros_like(feature[:, 0, 0]), torch.full_like(feature[:, 0, 0], EPSILON**0.5)
    tokens = pixels(feature)
    return statistics(list(tokens.values()), [float(weight[place]) for place in tokens])


def perceptron(layers: nn.Sequential, values: Tensor) -> Tensor:
    """Linear layers, layer norms and leaky ReLUs, one number after the other."""
    for layer in layers:
        if isinstance(layer, nn.Linear):
            values = torch.stack([(row * values).sum() + b for row, b in zip(layer.weight, layer.bias, strict=True)])
        elif isinstance(layer, nn.LayerNorm):
            centred = values - values.sum() / len(values)
            values = centred / ((centred**2).sum() / len(values) + 1e-5).sqrt() * layer.weight + layer.bias
        else:
            values = torch.stack([value if value > 0 else 0.2 * value for value in values])
    return values


def content_match(
    module: nn.Module, feature: Tensor, content: Tensor, picture: Tensor, foreground: Tensor, background: Tensor
) -> tuple[Tensor, Rows]:
    """References by content for one image, head by head: C H W, D H W, 3 and a multiple of H W, and two of H W.

    The rows hold the mean of the heads' weights.
    """
    heads, height, width = len(module.sharpness), *feature.shape[1:]
    tokens, colours = pixels(feature), cell_colours(picture, height, width)
    compared = {place: module.compare.weight[:, :, 0, 0] @ token for place, token in pixels(content).items()}
    mean, deviation = statistics(list(compared.values()), [1.0] * len(compared))
    keys = {place: (token - mean) / deviation for place, token in compared.items()}
    values = {place: module.values.weight @ token + module.values.bias for place, token in tokens.items()}
    size, part = len(mean) // heads, len(values[0, 0]) // heads
    open_to = [place for place in tokens if background[place] >= 0.5]
    answer, rows = dict(tokens), Rows({}, open_to)
    consulted = open_to or list(tokens)
    for place, token in tokens.items():
        share = float(foreground[place])
        if share == 0:
            continue
        fetched, weights = [], []
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            query = keys[place][own] * module.sharpness[head].exp()
            weights.append(match(query, [keys[other][own] for other in consulted], 1.0))
            told = [torch.cat([values[other][head * part : (head + 1) * part], colours[other]]) for other in consulted]
            fetched.append(mix(weights[-1], told))
        if open_to:
            rows.weights[place] = torch.stack(weights).sum(0) / heads
        answer[place] = token + share * perceptron(module.fuse, torch.cat([token, colours[place], *fetched]))
    return rebuild(answer, height, width), rows


def cell_colours(picture: Tensor, rows: int, columns: int) -> dict[Place, Tensor]:
    """Mean and deviation of the colours of each cell, of about unit size: 3 H W -> 6 numbers a cell."""
    tall, wide = picture.shape[1] // rows, picture.shape[2] // columns
    colours, answer = pixels(picture), {}
    for y in range(rows):
        for x in range(columns):
            cell = [2 * colours[y * tall + v, x * wide + u] - 1 for v in range(tall) for u in range(wide)]
            mean = mix(torch.full((len(cell),), 1 / len(cell), dtype=picture.dtype), cell)
            spread = [(colour - mean) ** 2 for colour in cell]
            variance = mix(torch.full((len(cell),), 1 / len(cell), dtype=picture.dtype), spread)
            answer[y, x] = torch.cat([mean, 2 * (variance + 1e-4).sqrt()])
    return answer
