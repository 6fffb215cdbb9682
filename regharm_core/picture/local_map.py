"""From a residual at the network's resolution to colour maps that hold at any resolution.

A residual cannot change local contrast, and when it is enlarged it bleeds over the mask's edge. So the small
residual is approximated by local affine maps of the composite's own colours (a guided filter, He et al. 2013,
with the mask as weight). Their coefficients are smooth; applied to the full-size pixels they keep every detail.
Because they are smooth, they are fitted on a grid of half the resolution (He and Sun, Fast Guided Filter,
2015), from sums over all pixels.

Other ways to the full size were measured on 14 photographs of about 1,024 px, from the same view. Of a foreground
MSE of 1728 these maps leave 1319, one quadratic map for the whole foreground 1333, the enlarged residual 1383, and
the residual enlarged from inside the mask only 1382. The network itself at 512 and 1,024 px leaves 1350 and 1419 and
takes 10 and 100 times as long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

RADIUS = 12  # px of the network's view
REGULARISATION = 2e-3  # squared colour; a larger value draws the maps towards a plain shift of colours
CELL = 2  # px a side that share one map


@dataclass(frozen=True)
class LocalMaps:
    """Colour maps on a grid over a picture; only the part that is needed is stored.

    Attributes:
        coefficients: B 12 h w: A row by row (9) and b (3).
        grid: rows and columns of the whole grid.
        first: row and column of the grid where ``coefficients`` begin.
    """

    coefficients: Tensor
    grid: tuple[int, int] = (1, 1)
    first: tuple[int, int] = (0, 0)

    @property
    def nothing(self) -> LocalMaps:
        """Maps of the same places that change nothing."""
        return replace(self, coefficients=torch.zeros_like(self.coefficients))


def fit_local_maps(
    guide: Tensor, residual: Tensor, weight: Tensor, *, radius: int = RADIUS, epsilon: float = REGULARISATION
) -> Tensor:
    """Coefficients of ``residual ~ A guide + b`` around every location, fitted where ``weight`` lies.

    Args:
        guide: B 3 H W, the composite's colours in [0, 1]; H and W even.
        residual: B 3 H W.
        weight: B 1 H W in [0, 1].
        radius: half side of the window, in pixels, rounded down to whole cells of 2 x 2.
        epsilon: ridge on A.

    Returns:
        B 12 H/2 W/2: A row by row (9) and b (3). They are defined outside the mask too: from the weight
        within the window, or from the whole foreground where the window holds none.
    """
    weighted = torch.cat([_moments(guide, residual) * weight, weight], dim=1)
    sums = F.avg_pool2d(weighted.contiguous(memory_format=torch.channels_last), CELL)  # fast on a CPU
    share = sums[:, -1:]
    coefficients = _solve(_window_mean(sums, radius // CELL), epsilon)
    return _window_mean(torch.cat([coefficients * share, share], dim=1), radius // CELL)


def shared_sums(guide: Tensor, residual: Tensor, weight: Tensor) -> Tensor:
    """What one map for many pictures is fitted to, B 25, to be added up over them: weighted moments and the weight."""
    weighted = torch.cat([_moments(guide, residual) * weight, weight], dim=1)
    return weighted.sum((2, 3))


def shared_map(sums: Tensor, *, epsilon: float = 1e-4) -> tuple[Tensor, Tensor]:
    """One affine map for many pictures, so that a clip does not flicker.

    Args:
        sums: 25, of :func:`shared_sums`.
        epsilon: ridge on A.

    Returns:
        1 12 1 1 (see :func:`fit_local_maps`), and the mean colour of their foregrounds, 1 3 1 1, both in fp32.
    """
    moments = sums[None, :-1, None, None] / sums[-1].clamp_min(1e-6)
    return _solve(moments, epsilon).float(), moments[:, :3].float()


def enlarge(values: Tensor, axis: int, start: float, stop: float, length: float, grid: int, first: int = 0) -> Tensor:
    """A part of ``values`` resized linearly along one axis.

    First along rows and then along columns, this gives the same numbers as a bilinear resize of the whole, but
    needs memory for the part only.

    Args:
        values: B C h w, the part of a grid that begins at the place ``first``.
        axis: 2 (rows) or 3 (columns).
        start, stop: the wanted pixels, of the ``length`` that the whole grid is resized to; pixels beyond
            ``values`` take its nearest place. A whole number of them, from anywhere.
        grid: places of the whole grid along the axis.
        first: the place where ``values`` begins.
    """
    count = torch.arange(round(stop - start), device=values.device, dtype=torch.float32)
    place = (count + (start + 0.5)) * (grid / length) - 0.5
    last = values.shape[axis] - 1
    place = (place - first).clamp(0, last)
    upper = place.floor().long()
    share = (place - upper).view(-1, *[1] * (3 - axis))
    return values.index_select(axis, upper).lerp_(values.index_select(axis, (upper + 1).clamp(max=last)), share)


def _moments(guide: Tensor, residual: Tensor) -> Tensor:
    """What the regression sums up: guide (3), residual (3), guide by guide (9), residual by guide (9)."""
    products = [of[:, i : i + 1] * guide for of in (guide, residual) for i in range(3)]
    return torch.cat([guide, residual, *products], dim=1)


def _window_mean(sums: Tensor, radius: int) -> Tensor:
    """Weighted mean over a square window: sums of weighted values, with those of the weights last -> values.

    Where the window holds no weight, the mean over the whole picture.
    """
    whole = sums.mean((2, 3), keepdim=True) * 1e-4
    sums = sums.contiguous(memory_format=torch.channels_last)
    sums = F.avg_pool2d(sums, (2 * radius + 1, 1), 1, (radius, 0))
    sums = F.avg_pool2d(sums, (1, 2 * radius + 1), 1, (0, radius)).add_(whole)
    return sums[:, :-1].div_(sums[:, -1:].clamp_min(1e-12))


def _solve(moments: Tensor, epsilon: float) -> Tensor:
    """Ridge regression from means, products of guide and guide (9) and of residual and guide (9)."""
    guide, residual = moments[:, :3], moments[:, 3:6]
    matrix = moments[:, 6:15].unflatten(1, (3, 3)) - guide[:, :, None] * guide[:, None]  # B i j H W
    cross = moments[:, 15:].unflatten(1, (3, 3)) - residual[:, :, None] * guide[:, None]
    matrix = matrix + epsilon * torch.eye(3, device=matrix.device, dtype=matrix.dtype)[:, :, None, None]
    slope = (cross[:, :, :, None] * _inverse(matrix)[:, None]).sum(2)  # B out in H W
    shift = residual - (slope * guide[:, None]).sum(2)
    return torch.cat([slope.flatten(1, 2), shift], dim=1)


def _inverse(matrix: Tensor) -> Tensor:
    """Inverse of symmetric 3 x 3 matrices, B 3 3 H W, by cross products (many small ones at once)."""
    first, second, third = matrix.unbind(1)
    columns = [
        torch.linalg.cross(second, third, dim=1),
        torch.linalg.cross(third, first, dim=1),
        torch.linalg.cross(first, second, dim=1),
    ]
    determinant = (first * columns[0]).sum(1)
    return torch.stack(columns, dim=2) / determinant[:, None, None]
