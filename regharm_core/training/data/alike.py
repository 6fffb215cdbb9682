"""Which regions of other photographs show the same kind of thing, by what the eye sees in them.

iHarmony4's composites (Cong et al., "DoveNet", CVPR 2020) take the colours of a foreground of the same category: soup
becomes soup of another colour. Here the nearest features take the place of categories.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .photographs import Photographs

REGIONS = 12  # of a photograph that are compared; those with higher numbers have nothing alike
SEEN, AT_ONCE = 160, 64  # px that the eye sees, and photographs a turn
ROWS = 2048  # regions that are compared with all others at a time
LEAST = 0.005  # a region's share of its photograph: smaller ones are too small for the eye
SAME = 0.98  # cosine from which on it is the same picture once more: its colours would change nothing


@torch.no_grad()
def find_alike(eye: nn.Module, photographs: Photographs, count: int = 8) -> Tensor:
    """For each region the ``count`` regions of other photographs that look most like it, the nearest first.

    The same region once more is left out: a recipe may name photographs twice, to show them more often.

    Args:
        eye: B 3 H W in [0, 1] -> features, of which the last, B C h w, are compared.
        photographs: on the eye's device.
        count: how many.

    Returns:
        N REGIONS count 2, int32: number of the photograph, and of the region in it; -1 where there is none.
    """
    names, features = describe_regions(eye, photographs)
    answer = torch.full((len(photographs), REGIONS, count, 2), -1, dtype=torch.int32, device=names.device)
    features = F.normalize((features - features.mean(0)) / (features.std(0, correction=0) + 1e-6), dim=1)
    for own, place in zip(features.split(ROWS), names.split(ROWS), strict=True):
        near = own @ features.T
        near = near.masked_fill((place[:, :1] == names[None, :, 0]) | (near > SAME), -2.0)  # the same photograph
        best = near.topk(min(count, near.shape[1]), dim=1)
        found = torch.where((best.values > -2)[..., None], names[best.indices], -1)
        answer[place[:, 0], place[:, 1] - 1, : found.shape[1]] = found.to(torch.int32)
    return answer


def describe_regions(eye: nn.Module, photographs: Photographs) -> tuple[Tensor, Tensor]:
    """(photograph, region) of every region, M 2, and the mean of the eye's last features in it, M C."""
    names, features = [], []
    for first in range(0, len(photographs), AT_ONCE):
        images = photographs.images[first : first + AT_ONCE].float() / 255
        labels = photographs.labels[first : first + AT_ONCE]
        seen = F.interpolate(images, (SEEN, SEEN), mode="bilinear", antialias=True)
        deep: Tensor = eye(seen.contiguous(memory_format=torch.channels_last))[-1].float()
        numbers = torch.arange(1, REGIONS + 1, device=labels.device, dtype=labels.dtype)[:, None, None]
        regions = (labels == numbers).float()  # B REGIONS S S
        weight = F.interpolate(regions, (deep.shape[-2], deep.shape[-1]), mode="area")
        weight = weight / weight.sum((2, 3), keepdim=True).clamp_min(1e-6)
        means = torch.einsum("brhw,bchw->brc", weight, deep)
        there = (regions.mean((2, 3)) >= LEAST).nonzero()
        features.append(means[there[:, 0], there[:, 1]])
        names.append(there + torch.tensor([first, 1], device=there.device))
    return torch.cat(names), torch.cat(features)
