"""Regions of alike colour and texture within one photograph, found without any network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core.training.data.colour import rgb_to_lab

ROUNDS = 25
TEXTURE_SIZES = (5, 11)  # px of a 128 px picture


def colour_texture(image: Tensor) -> Tensor:
    """3 H W in [0, 1] -> H W 5: Lab, and how much the lightness varies nearby at two sizes; each of unit deviation
    but colour, of which lightness counts half."""
    lab = rgb_to_lab(image.flatten(1).T[None])[0].T.reshape(image.shape)  # 3 H W
    light = lab[:1]
    maps = [0.5 * lab[0], lab[1], lab[2]]
    for size in TEXTURE_SIZES:
        mean = _blur(light, size)
        spread = (_blur(light.square(), size) - mean.square()).clamp_min(0).sqrt()
        maps.append(_blur(spread, size)[0])
    smooth = torch.stack([_blur(part[None], 3)[0] for part in maps])
    colour = smooth[:3] / smooth[:3].flatten(1).std(1).mean().clamp_min(1e-3)
    texture = smooth[3:] / smooth[3:].flatten(1).std(1).clamp_min(1e-3)[:, None, None]
    return torch.cat([colour, texture]).permute(1, 2, 0)


def clusters(features: Tensor, count: int) -> Tensor:
    """k-means with farthest-point seeds: H W D -> H W, the number of each place's cluster."""
    points = features.flatten(0, 1)
    centres = points.mean(0, keepdim=True)
    for _ in range(count):
        distance = torch.cdist(points, centres).amin(1)
        centres = torch.cat([centres, points[distance.argmax()][None]])
    centres = centres[1:]
    owner = torch.zeros(len(points), dtype=torch.long)
    for _ in range(ROUNDS):
        owner = torch.cdist(points, centres).argmin(1)
        for k in range(count):
            if bool((owner == k).any()):
                centres[k] = points[owner == k].mean(0)
    return owner.reshape(features.shape[:2])


def _blur(values: Tensor, size: int) -> Tensor:
    padded = F.pad(values[None], (size // 2,) * 4, mode="replicate")
    return F.avg_pool2d(padded, size, 1)[0]
