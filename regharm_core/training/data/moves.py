"""Colour moves: what makes a foreground look foreign, as batched maps of colours.

Every move takes ``points`` (B P 3, the colours to be moved), ``source`` (B N 3, colours sampled from the
region) and ``reference`` (B N 3, colours sampled from a region of another photograph), all sRGB in
[0, 1], and returns the moved points, B P 3, unclamped. Moves are applied to a lattice of colours, and the
lattice to the picture (:mod:`.lattice`), so their cost does not depend on the picture's size.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .chance import uniform
from .colour import lab_to_rgb, rgb_to_lab

Move = Callable[[Tensor, Tensor, Tensor, torch.Generator], Tensor]


def reinhard(points: Tensor, source: Tensor, reference: Tensor, generator: torch.Generator) -> Tensor:
    """Mean and deviation of each Lab channel (Reinhard et al. 2001)."""
    points, source, reference = rgb_to_lab(points), rgb_to_lab(source), rgb_to_lab(reference)
    gain = (reference.std(1, keepdim=True) + 1) / (source.std(1, keepdim=True) + 1)
    return lab_to_rgb((points - source.mean(1, keepdim=True)) * gain + reference.mean(1, keepdim=True))


def monge_kantorovich(points: Tensor, source: Tensor, reference: Tensor, generator: torch.Generator) -> Tensor:
    """The linear map that carries one covariance to the other with the least motion (Pitie 2007)."""
    source_mean, reference_mean = source.mean(1, keepdim=True), reference.mean(1, keepdim=True)
    root, inverse_root = _roots(_covariance(source - source_mean))
    middle, _ = _roots(root @ _covariance(reference - reference_mean) @ root)
    return (points - source_mean) @ (inverse_root @ middle @ inverse_root) + reference_mean


def histogram(points: Tensor, source: Tensor, reference: Tensor, generator: torch.Generator) -> Tensor:
    """Each Lab channel's distribution onto the reference's (per-channel histogram matching)."""
    return lab_to_rgb(_match_quantiles(rgb_to_lab(points), rgb_to_lab(source), rgb_to_lab(reference)))


def iterative_transfer(
    points: Tensor, source: Tensor, reference: Tensor, generator: torch.Generator, rounds: int = 6
) -> Tensor:
    """Iterative distribution transfer: histogram matching along random rotations (Pitie 2005)."""
    count = points.shape[1]
    both = torch.cat([points, source], dim=1)
    for _ in range(rounds):
        noise = torch.randn(points.shape[0], 3, 3, generator=generator, device=generator.device)
        rotation = _orthogonal(noise.to(points))
        turned = both @ rotation
        both = _match_quantiles(turned, turned[:, count:], reference @ rotation) @ rotation.transpose(1, 2)
    return both[:, :count]


def photographic(
    points: Tensor, source: Tensor, reference: Tensor, generator: torch.Generator, reach: float = 1.0
) -> Tensor:
    """What a camera or an editor changes: exposure, white balance, gamma, contrast, saturation, a curve.

    Source and reference are not looked at, except for the contrast's pivot (the source's mean). ``reach`` multiplies
    the stops of exposure and white balance.
    """
    shape = (points.shape[0], 1, 1)
    gain = 2 ** (reach * uniform(shape, -0.7, 0.7, generator))
    balance = 2 ** (reach * uniform((points.shape[0], 1, 3), -0.25, 0.25, generator))
    gamma = 2 ** uniform(shape, -0.4, 0.4, generator)
    moved = (points.clamp(0, 1).pow(gamma.to(points)) * (gain * balance).to(points)).clamp(0, 1.5)
    pivot = source.mean(1, keepdim=True)
    moved = pivot + (moved - pivot) * uniform(shape, 0.7, 1.3, generator).to(points)
    grey = moved.mean(2, keepdim=True)
    moved = grey + (moved - grey) * uniform(shape, 0.5, 1.5, generator).to(points)
    bend = uniform(shape, -0.15, 0.15, generator).to(points)
    return moved + bend * torch.sin(2 * torch.pi * moved.clamp(0, 1))


def vividness(points: Tensor, source: Tensor, reference: Tensor, generator: torch.Generator) -> Tensor:
    """Contrast and saturation far from what they were, more often less than more: hazy, faded or garish colours.

    Contrast 0.35 to 1.6 about the source's mean, saturation 0.15 to 2, exposure up to a third of a stop. The reference
    is not looked at.
    """
    shape = (points.shape[0], 1, 1)
    pivot = source.mean(1, keepdim=True)
    moved = pivot + (points - pivot) * 2 ** uniform(shape, -1.5, 0.7, generator).to(points)
    grey = moved.mean(2, keepdim=True)
    moved = grey + (moved - grey) * 2 ** uniform(shape, -2.7, 1.0, generator).to(points)
    return moved * 2 ** uniform(shape, -0.33, 0.33, generator).to(points)


MOVES: dict[str, Move] = {
    "reinhard": reinhard,
    "monge_kantorovich": monge_kantorovich,
    "histogram": histogram,
    "iterative_transfer": iterative_transfer,
    "photographic": photographic,
    "vividness": vividness,
}
USUAL = ("reinhard", "monge_kantorovich", "histogram", "iterative_transfer", "photographic")  # what is drawn from


def _orthogonal(matrix: Tensor) -> Tensor:
    """The Q of a QR decomposition but for signs of columns, B 3 3 (Gram and Schmidt).

    On an NVIDIA GPU torch's own takes one 3 x 3 matrix after another, with ten launches or so for each.
    """
    first, second, _ = matrix.unbind(2)
    first = F.normalize(first, dim=1)
    second = F.normalize(second - (first * second).sum(1, keepdim=True) * first, dim=1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=2)


def _covariance(centred: Tensor) -> Tensor:
    identity = torch.eye(3, device=centred.device, dtype=centred.dtype) * 1e-4
    return centred.transpose(1, 2) @ centred / centred.shape[1] + identity


def _roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Square root and its inverse of symmetric positive matrices, B 3 3 (Hoger and Carlson 1984).

    In closed form, because computing eigenvectors on an accelerator makes the host wait. In double precision
    where the device has it, because the differences of the invariants lose digits.
    """
    exact = matrix if matrix.device.type == "mps" else matrix.double()
    square = exact @ exact
    first, second, third = _eigenvalues(exact, square).clamp_min(1e-8).sqrt()[..., None, None].unbind(1)  # B 1 1
    i1, i2, i3 = first + second + third, first * second + second * third + third * first, first * second * third
    identity = torch.eye(3, device=exact.device, dtype=exact.dtype)
    root = (i1 * i3 * identity + (i1.square() - i2) * exact - square) / (i1 * i2 - i3)
    inverse = (exact - i1 * root + i2 * identity) / i3
    return root.to(matrix), inverse.to(matrix)


def _eigenvalues(matrix: Tensor, square: Tensor) -> Tensor:
    """Eigenvalues of symmetric matrices by the trigonometric formula: B 3 3 (and its square) -> B 3."""
    mean = matrix.diagonal(dim1=1, dim2=2).mean(1)  # B
    identity = torch.eye(3, device=matrix.device, dtype=matrix.dtype)
    spread = ((square.diagonal(dim1=1, dim2=2).mean(1) - mean.square()).clamp_min(0) / 2).sqrt().clamp_min(1e-12)
    unit = (matrix - mean[:, None, None] * identity) / spread[:, None, None]
    angle = (_determinant(unit) / 2).clamp(-1, 1).acos() / 3
    turns = torch.arange(3, device=matrix.device, dtype=matrix.dtype) * (2 * torch.pi / 3)
    return mean[:, None] + 2 * spread[:, None] * (angle[:, None] + turns).cos()


def _determinant(matrix: Tensor) -> Tensor:
    """B 3 3 -> B."""
    x, y, z = matrix.unbind(1)
    return (x * torch.linalg.cross(y, z)).sum(1)


def _match_quantiles(points: Tensor, source: Tensor, reference: Tensor) -> Tensor:
    """Carry each channel's source quantiles to the reference's; colours beyond the source move as its end does."""
    points, source, reference = (x.transpose(1, 2).contiguous() for x in (points, source, reference))  # B 3 N
    count = 65
    grid = torch.linspace(0, 1, count, device=points.device, dtype=points.dtype)
    have = torch.quantile(source, grid, dim=2).permute(1, 2, 0).contiguous()  # B 3 count
    want = torch.quantile(reference, grid, dim=2).permute(1, 2, 0)
    right = torch.searchsorted(have, points).clamp(1, count - 1)
    low, high = have.gather(2, right - 1), have.gather(2, right)
    share = ((points - low) / (high - low).clamp_min(1e-4)).clamp(0, 1)
    shift_low = want.gather(2, right - 1) - low
    shift_high = want.gather(2, right) - high
    return (points + shift_low + share * (shift_high - shift_low)).transpose(1, 2)
