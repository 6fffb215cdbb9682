"""Regions that are no objects: walls, hills, facades, water, what is alike to the eye, mostly cut off by the border.

A network that learned on conspicuous objects alone fails on such foregrounds. The eye's features are sorted into a few
kinds (k-means), each kind's places are fitted to the picture by a guided filter, and connected pieces become regions.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core.network.eye import CHANNELS, EfficientNetLite0
from scripts.salience import GRID, guided, look, number_pieces

KINDS, ROUNDS = 5, 8  # clusters, and rounds of k-means
SHARP = 4.0  # of the passage from one kind to the next


@torch.no_grad()
def find_surfaces(eye: EfficientNetLite0, pictures: Tensor) -> Tensor:
    """Pictures of one size, B 3 H W in [0, 1], on the eye's device -> how much each place is of each kind, B K H W."""
    size = (pictures.shape[-2], pictures.shape[-1])
    places = _told(look(eye, pictures))
    centres = _kinds(places)
    near = (-SHARP * torch.cdist(places, centres).square() / places.shape[-1]).softmax(2)
    coarse = near.transpose(1, 2).unflatten(2, (GRID, GRID))
    grey = pictures.mean(1, keepdim=True)
    return torch.cat(
        [
            guided(F.interpolate(one, size, mode="bilinear", align_corners=False), grey)
            for one in coarse.split(1, dim=1)
        ],
        dim=1,
    )


def add_surfaces(labels: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """A region map, H W uint8, with pieces of surfaces, K H W, where it has no region; numbers go on from its last."""
    labels, sort = labels.copy(), kinds.argmax(0)
    for kind in range(len(kinds)):
        pieces = number_pieces((sort == kind) & (labels == 0))
        labels[pieces > 0] = pieces[pieces > 0] + labels.max()
    return labels


def _told(features: Tensor) -> Tensor:
    """What is compared: the eye's features, each level counting alike, B places C."""
    parts = [
        F.normalize(part - part.mean((2, 3), keepdim=True), dim=1) * part.shape[1] ** 0.5 / len(CHANNELS) ** 0.5
        for part in features.split(list(CHANNELS), dim=1)
    ]
    return torch.cat(parts, dim=1).flatten(2).transpose(1, 2)


def _kinds(places: Tensor) -> Tensor:
    """k-means of each picture's places, B N C -> B K C; the first centres are far from each other."""
    centres = places.mean(1, keepdim=True)
    for _ in range(KINDS):
        far = torch.cdist(places, centres).amin(2).argmax(1)
        centres = torch.cat([centres, places.gather(1, far[:, None, None].expand(-1, 1, places.shape[2]))], dim=1)
    centres = centres[:, 1:]
    for _ in range(ROUNDS):
        own = F.one_hot(torch.cdist(places, centres).argmin(2), KINDS).to(places)
        centres = own.transpose(1, 2) @ places / own.sum(1)[..., None].clamp_min(1)
    return centres
