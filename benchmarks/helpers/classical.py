"""What people use without a network: colour transfer from the background to the foreground.

Each method takes a composite (1 3 H W in [0, 1]) and its mask (1 1 H W), as the public call does, and returns the
composite with its foreground changed, mixed by the mask.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from regharm_core.training.data.colour import lab_to_rgb, rgb_to_lab
from regharm_core.training.data.moves import Move, histogram, monge_kantorovich, reinhard

Method = Callable[[Tensor, Tensor], Tensor]
SAMPLES = 20_000  # colours that stand for a region
BORDER = 6  # px around the picture, so that a foreground at its edge can grow


def transfer(move: Move) -> Method:
    """A colour move of the training data, from the foreground's colours to the background's."""

    def run(image: Tensor, mask: Tensor) -> Tensor:
        colours, inside = image[0].flatten(1).T, mask.flatten() > 0.5  # N 3, N
        parts = (colours[inside], colours[~inside])
        source, reference = (part[:: max(len(part) // SAMPLES, 1)][None] for part in parts)
        moved = move(colours[None], source, reference, torch.Generator())
        return image + mask * (moved[0].T.reshape(image.shape).clamp(0, 1) - image)

    return run


def half_mean_shift(points: Tensor, source: Tensor, reference: Tensor, generator: torch.Generator) -> Tensor:
    """Half of the way to the background's mean in Lab: the gentlest of them."""
    shift = rgb_to_lab(reference).mean(1, keepdim=True) - rgb_to_lab(source).mean(1, keepdim=True)
    return lab_to_rgb(rgb_to_lab(points) + 0.5 * shift)


def poisson(image: Tensor, mask: Tensor) -> Tensor:
    """Poisson blending (Perez et al. 2003) by OpenCV's seamlessClone.

    The foreground, continued beyond its edge, is cloned onto the composite: its gradients inside, the background's
    colours on the edge. Where OpenCV refuses (a mask that touches every border), the composite is the answer.
    """
    inside = (mask[0, 0] > 0.5).numpy().astype(np.uint8)
    if not inside.any() or inside.all():
        return image
    picture = (image[0].permute(1, 2, 0).flip(2) * 255).round().byte().numpy()
    picture, inside = (cv2.copyMakeBorder(x, *[BORDER] * 4, cv2.BORDER_REPLICATE) for x in (picture, inside))
    inside[:BORDER], inside[-BORDER:], inside[:, :BORDER], inside[:, -BORDER:] = 0, 0, 0, 0
    _, nearest = cv2.distanceTransformWithLabels(1 - inside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    colours = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
    colours[nearest[inside > 0]] = picture[inside > 0]
    grown = cv2.dilate(inside, np.ones((9, 9), np.uint8)) * 255  # OpenCV erodes it by 3 px
    x, y, width, height = cv2.boundingRect(grown)
    middle = (x + width // 2, y + height // 2)
    try:
        cloned = cv2.seamlessClone(colours[nearest], picture, grown, middle, cv2.NORMAL_CLONE)
    except cv2.error:
        return image
    cloned = cloned[BORDER:-BORDER, BORDER:-BORDER, ::-1].copy()
    return image + mask * (torch.from_numpy(cloned).permute(2, 0, 1).float() / 255 - image)


METHODS: dict[str, Method] = {
    "composite": lambda image, mask: image,
    "Lab mean shift, half": transfer(half_mean_shift),
    "Reinhard": transfer(reinhard),
    "linear Monge-Kantorovich": transfer(monge_kantorovich),  # the default of ColorMatch
    "histogram matching": transfer(histogram),
    "Poisson (seamlessClone)": poisson,
}
