"""A change that was found, kept to be applied again: to another frame, another crop, a larger version."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import InputError
from .box import Box
from .carry import apply_maps
from .inputs import check_finite
from .light import encode
from .local_map import LocalMaps
from .sampled import sampled
from .view import Check

LOOKED_AT = 512  # px a side: of a larger foreground every second, third, ... pixel is fitted
RIDGE = 1e-4  # squared colour; larger maps towards a plain shift of colours
EDGE = 1e-6  # from black or white: encoded, white may come out as 0.9999999
LEAST_FITTED = 16  # pixels that are not cut off at black or white; with fewer, those count too


@dataclass(frozen=True)
class Correction:
    """What harmonizing one picture changed.

    Attributes:
        overall: 12, the one map ``A x + b`` nearest to the change of all of the foreground: A row by row, b.
        maps: the change by place, over ``part`` of the picture; None where only the overall change is kept.
        part: top, bottom, left and right of what the maps lie over, as shares of the picture's sides.
        linear: it was found in linear light, and is applied to such; the maps themselves are of display values.
        regional: what the overall map does not hold of the change, root mean square in steps of 255.
    """

    overall: Tensor
    maps: LocalMaps | None = None
    part: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0)
    regional: float = 0.0
    linear: bool = False

    @classmethod
    def none(cls) -> Correction:
        """What changes nothing, anywhere."""
        return cls(torch.zeros(12), LocalMaps(torch.zeros(1, 12, 1, 1)))

    @classmethod
    def of(
        cls,
        before: Tensor,
        after: Tensor,
        mask: Tensor,
        maps: LocalMaps | None,
        box: Box,
        strength: float = 1.0,
        *,
        linear: bool = False,
    ) -> Correction:
        """Keep a change.

        Args:
            before, after: 3 H W, one picture and its harmonized self.
            mask: 1 H W in [0, 1].
            maps: the change, over ``box``.
            box: a rectangle of the picture.
            strength: with which the maps were applied.
            linear: the pictures are linear light.
        """
        height, width = mask.shape[-2:]
        part = (box.top / height, box.bottom / height, box.left / width, box.right / width)
        if maps is not None:
            maps = replace(maps, coefficients=maps.coefficients.cpu() * strength)
        overall, regional = fit_overall(before, after, mask, linear=linear)
        return cls(overall, maps, part, regional, linear)

    @property
    def empty(self) -> bool:
        """Whether it changes nothing."""
        regional = self.maps is not None and bool(self.maps.coefficients.any())
        return not regional and not bool(self.overall.any())

    def scaled(self, strength: float) -> Correction:
        """The same change, ``strength`` times as large."""
        maps = self.maps and replace(self.maps, coefficients=self.maps.coefficients * strength)
        return replace(self, overall=self.overall * strength, maps=maps, regional=self.regional * strength)


def apply_correction(
    image: Tensor,
    mask: Tensor,
    correction: Correction,
    *,
    strength: float = 1.0,
    regional: bool = True,
    check: Check | None = None,
) -> Tensor:
    """Change one picture as another was changed.

    Args:
        image: 3 H W; values beyond [0, 1] are kept, as :func:`regharm_core.harmonize` keeps them.
        mask: 1 H W in [0, 1], where the change is applied.
        correction: what was kept.
        strength: 0 (input) to 2; scales the change.
        regional: place by place, for the same composition in any size; else the overall change everywhere.
        check: called before each strip, to cancel by raising.

    Returns:
        3 H W of the image's dtype, its bits where the mask is 0. The regional change reaches only as far as
        what the network was shown (:func:`beyond` says how much of a mask lies outside).

    Raises:
        InputError: on a strength outside 0..2, shapes that do not fit, values that are not finite, or a regional change
            that was not kept.
    """
    if not 0 <= strength <= 2:
        raise InputError(f"strength must be from 0 to 2, got {strength!r}")
    if image.ndim != 3 or mask.ndim != 3 or image.shape[1:] != mask.shape[1:]:
        raise InputError(f"image and mask must be 3 H W and 1 H W, got {tuple(image.shape)}, {tuple(mask.shape)}")
    check_finite(image, "image")
    check_finite(mask, "mask")
    result = image.clone()
    maps = LocalMaps(correction.overall.float()[None, :, None, None])
    box = Box(0, image.shape[1], 0, image.shape[2])
    if regional:
        if correction.maps is None:
            raise InputError("this correction holds only the overall change, not the regional one")
        maps, box = correction.maps, known_part(correction, (image.shape[1], image.shape[2]))
    if strength and bool((box.of(mask) > 0).any()):
        inside, linear = Box(0, box.size[0], 0, box.size[1]), correction.linear
        parts = [box.of(part) for part in (result, image, mask)]
        apply_maps(parts[0], parts[1], parts[2], maps, inside, strength, check or _go_on, linear=linear)
    return result


def known_part(correction: Correction, size: tuple[int, int]) -> Box:
    """The part of a picture of this height and width that the regional change lies over."""
    top, bottom, left, right = correction.part
    return Box(round(top * size[0]), round(bottom * size[0]), round(left * size[1]), round(right * size[1]))


def beyond(correction: Correction, mask: Tensor) -> float:
    """How much of a mask (1 H W) lies outside of what the regional change knows, 0 to 1."""
    total = float(mask.sum())
    inside = float(known_part(correction, (mask.shape[1], mask.shape[2])).of(mask).sum())
    return 0.0 if total == 0 else max(1 - inside / total, 0.0)


def fit_overall(before: Tensor, after: Tensor, mask: Tensor, *, linear: bool = False) -> tuple[Tensor, float]:
    """The one map ``A x + b`` that is nearest to a change over all of the foreground, by ridge regression.

    Args:
        before, after: 3 H W.
        mask: 1 H W in [0, 1], with which the change was mixed in.
        linear: the pictures are linear light; the map is of their display values all the same.

    Returns:
        12 numbers in fp32 on the CPU, A row by row and b; and what they do not explain of the change, root
        mean square in steps of 255. Zeros without foreground. Pixels that were cut off at black or white say
        nothing of the change and are left out, as long as others remain.
    """
    weight, old, new = (part.cpu().double() for part in sampled(mask, LOOKED_AT, before, after))
    if linear:  # as apply_maps does it: mixed as light, and a value above 1 changes as 1 does
        least, scale = weight.clamp_min(1e-3), old.clamp(min=1)
        whole = encode((old + (new - old) / least) / scale)
        old = encode(old / scale)
        new = old + (whole - old) * least
    old = old.clamp(0, 1)
    cut = ((new <= EDGE) | (new >= 1 - EDGE)).any(0) & (new != old).any(0)
    free = weight[0].square() * ~cut
    mass = free if int((free > 0).sum()) >= LEAST_FITTED else weight[0].square()
    total = mass.sum()
    if not float(total) > 0:
        return torch.zeros(12), 0.0
    share = mass / total
    change = (new.clamp(0, 1) - old) / weight.clamp_min(1e-3)
    middle, shift = (old * share).sum(1, keepdim=True), (change * share).sum(1, keepdim=True)
    centred = old - middle
    matrix = (centred * share) @ centred.T + RIDGE * torch.eye(3, dtype=torch.float64)
    slope = torch.linalg.solve(matrix, (centred * share) @ (change - shift).T).T
    left = (change - shift - slope @ centred).square().mean(0)  # of each pixel
    regional = 255 * float((left * share).sum().sqrt())
    return torch.cat([slope.flatten(), (shift - slope @ middle).flatten()]).float(), regional


def _go_on() -> None:
    """Never cancels."""
