"""What people use without a network: colour transfer from the background to the foreground.

Each method takes a composite (3 H W in [0, 1]) and its mask (1 H W) and returns the composite with its
foreground changed; mixed by the mask, as a compositor would.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from regharm_core.training.data.colour import lab_to_rgb, rgb_to_lab
from regharm_core.training.data.moves import histogram, monge_kantorovich, reinhard

Method = Callable[[Tensor, Tensor], Tensor]
GENERATOR = torch.Generator()
SAMPLES = 20_000  # colours that stand for a region


def _split(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Every colour, the foreground's and the background's: 1 N 3 each."""
    colours = image.flatten(1).T
    inside = mask.flatten() > 0.5
    parts = [colours[inside], colours[~inside]]
    sampled = [part[:: max(len(part) // SAMPLES, 1)] for part in parts]
    return colours[None], sampled[0][None], sampled[1][None]


def _painted(image: Tensor, mask: Tensor, moved: Tensor) -> Tensor:
    changed = moved[0].T.reshape(image.shape).clamp(0, 1)
    return image + mask * (changed - image)


def global_reinhard(image: Tensor, mask: Tensor) -> Tensor:
    """Mean and deviation of the Lab channels (Reinhard et al. 2001)."""
    points, source, reference = _split(image, mask)
    return _painted(image, mask, reinhard(points, source, reference, GENERATOR))


def half_mean_shift(image: Tensor, mask: Tensor) -> Tensor:
    """Half of the way to the background's mean in Lab: the gentlest of them."""
    points, source, reference = _split(image, mask)
    shift = rgb_to_lab(reference).mean(1, keepdim=True) - rgb_to_lab(source).mean(1, keepdim=True)
    return _painted(image, mask, lab_to_rgb(rgb_to_lab(points) + 0.5 * shift))


def linear_monge_kantorovich(image: Tensor, mask: Tensor) -> Tensor:
    """The default of ColorMatch (color-matcher's "mkl"; Pitie and Kokaram 2007)."""
    points, source, reference = _split(image, mask)
    return _painted(image, mask, monge_kantorovich(points, source, reference, GENERATOR))


def histogram_matching(image: Tensor, mask: Tensor) -> Tensor:
    """Each Lab channel's distribution onto the background's."""
    points, source, reference = _split(image, mask)
    return _painted(image, mask, histogram(points, source, reference, GENERATOR))


def poisson(image: Tensor, mask: Tensor) -> Tensor:
    """Poisson blending (Perez et al. 2003) by OpenCV's seamlessClone.

    The foreground, continued beyond its edge, is cloned onto the composite: its gradients inside, the
    background's colours on the edge. Where OpenCV refuses (a mask that touches every border), the
    composite is the answer.
    """
    inside = (mask[0] > 0.5).numpy().astype(np.uint8)
    if not inside.any() or inside.all():
        return image
    picture = (image.permute(1, 2, 0).flip(2) * 255).round().byte().numpy()
    border = 6  # room for the growth below
    picture, inside = (cv2.copyMakeBorder(x, *[border] * 4, cv2.BORDER_REPLICATE) for x in (picture, inside))
    inside[:border], inside[-border:], inside[:, :border], inside[:, -border:] = 0, 0, 0, 0
    _, nearest = cv2.distanceTransformWithLabels(1 - inside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    colours = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
    colours[nearest[inside > 0]] = picture[inside > 0]
    continued = colours[nearest]
    grown = cv2.dilate(inside, np.ones((9, 9), np.uint8)) * 255  # OpenCV erodes it by 3 px
    x, y, width, height = cv2.boundingRect(grown)
    try:
        cloned = cv2.seamlessClone(continued, picture, grown, (x + width // 2, y + height // 2), cv2.NORMAL_CLONE)
    except cv2.error:
        return image
    cloned = cloned[border:-border, border:-border, ::-1].copy()
    changed = torch.from_numpy(cloned).permute(2, 0, 1).float() / 255
    return image + mask * (changed - image)


def nothing(image: Tensor, mask: Tensor) -> Tensor:
    """The composite itself."""
    return image


METHODS: dict[str, Method] = {
    "composite": nothing,
    "Lab mean shift, half": half_mean_shift,
    "Reinhard": global_reinhard,
    "linear Monge-Kantorovich": linear_monge_kantorovich,
    "histogram matching": histogram_matching,
    "Poisson (seamlessClone)": poisson,
}
