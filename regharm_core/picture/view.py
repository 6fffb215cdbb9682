"""The network's view: small copies of composites, and what the network answers to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..network.unet import HarmonizerNet
from .box import Box, bounding_box, box_around, join, whole

Check = Callable[[], None]

SMALLEST_CONTEXT = 1.25
DEFAULT_CONTEXT = 1.6  # chosen on pairs, see benchmarks/full_resolution.md


def frame(mask: Tensor, reference: Tensor | None, context: float | None, least: int) -> Box:
    """The part of a composite that the network is shown: around the foreground, with all of the reference.

    Args:
        mask: 1 H W.
        reference: 1 H W, the background that may be consulted; all where None.
        context, least: as for :func:`box_around`; the whole picture where context is None.

    Raises:
        InputError: on a context below 1.25.
    """
    if context is None:
        return whole(mask)
    if not context >= SMALLEST_CONTEXT:
        raise InputError(f"context must be None or at least {SMALLEST_CONTEXT}, got {context!r}")
    box = box_around(mask, context, least)
    return box if reference is None else join(box, box_around(reference, 1, 1))


class View:
    """What the network saw and answered, at its own size, one entry a composite.

    Attributes:
        guide: the composite, B 3 S S in [0, 1].
        weight: the mask, B 1 S S.
        residual: the change before the mask is applied, B 3 S S.
        usable: B 1 1 1, False where foreground or background is missing.
    """

    def __init__(self, guide: Tensor, weight: Tensor, residual: Tensor, usable: Tensor) -> None:
        self.guide, self.weight, self.residual, self.usable = guide, weight, residual, usable

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of what the network saw."""
        return self.guide.shape[-2], self.guide.shape[-1]

    @classmethod
    def of(
        cls,
        model: HarmonizerNet,
        image: Tensor,
        mask: Tensor,
        reference: Tensor | None,
        boxes: Sequence[Box],
        batch: int,
        check: Check,
        mirrored: bool = False,
    ) -> View:
        """Show the network a small copy of each composite's box, ``batch`` at a time, each after ``check``.

        Where ``mirrored``, the residual is the mean of its answers to the copy and to the copy's mirror image,
        which are shown in one pass: half of ``batch`` composites and their mirror images, but at least one.
        """
        parts: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        step = max(batch // 2, 1) if mirrored else batch
        for start in range(0, image.shape[0], step):
            check()
            rows = range(start, min(start + step, image.shape[0]))
            guide, weight, allowed = look(model, image, mask, reference, [boxes[n] for n in rows], rows)
            usable = usable_composites(weight, allowed)
            if mirrored:
                other = None if allowed is None else _with_mirror(allowed)
                plain, turned = _residual(model, _with_mirror(guide), _with_mirror(weight), other).chunk(2)
                residual = (plain + turned.flip(-1)) / 2
            else:
                residual = _residual(model, guide, weight, allowed)
            residual = hold_back(residual, weight, model.config.caution)
            parts.append((guide, weight, residual, usable))
        guide, weight, residual, usable = (torch.cat(part) for part in zip(*parts, strict=True))
        return cls(guide, weight, residual, usable)


def hold_back(residual: Tensor, weight: Tensor, caution: float) -> Tensor:
    """Scale each residual by ``e / (e + caution^2)``, e its mean square over the foreground in 8-bit values.

    The network's error is about as large where nothing needs to be changed as elsewhere: a small answer is
    mostly error, a large one mostly right (the shrinkage of a Wiener filter).

    Args:
        residual: B 3 H W.
        weight: B 1 H W, the mask.
        caution: see :class:`regharm_core.network.config.HarmonizerConfig`.
    """
    if caution == 0:
        return residual
    area = weight.sum((1, 2, 3), keepdim=True).clamp_min(1e-6)
    energy = ((residual * 255).square() * weight).sum((1, 2, 3), keepdim=True) / (3 * area)  # B 1 1 1
    return residual * (energy / (energy + caution**2))


def _with_mirror(part: Tensor) -> Tensor:
    return torch.cat([part, part.flip(-1)])


def _residual(model: HarmonizerNet, guide: Tensor, weight: Tensor, allowed: Tensor | None) -> Tensor:
    dtype = next(model.parameters()).dtype
    reference = None if allowed is None else allowed.to(dtype)
    answer = model(guide.to(dtype), weight.to(dtype), reference=reference, within=bounding_box(weight.amax(0)))
    drawn = answer.prediction.float()
    return drawn if model.config.residual else drawn - guide


def look(
    model: HarmonizerNet,
    image: Tensor,
    mask: Tensor,
    reference: Tensor | None,
    boxes: Sequence[Box] | None = None,
    rows: Sequence[int] | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """What the network sees: image (in [0, 1]), mask and reference at its size, on its device.

    Args:
        model, image, mask, reference: as for :func:`regharm_core.pipeline.harmonize`.
        boxes: the part of each composite that is shown; all of it where None.
        rows: which composites; all of them where None.
    """
    side, device = model.config.view, next(model.parameters()).device
    rows = range(image.shape[0]) if rows is None else rows
    boxes = [whole(image)] * len(rows) if boxes is None else boxes

    def small(picture: Tensor) -> Tensor:
        copies = [shrink(box.of(picture[n : n + 1]), side) for n, box in zip(rows, boxes, strict=True)]
        return torch.cat(copies).to(device)

    return small(image).clamp(0, 1), small(mask), None if reference is None else small(reference)


def shrink(picture: Tensor, side: int) -> Tensor:
    """B C H W -> B C side side in fp32, averaged over what a smaller pixel covers."""
    picture = picture.float()
    if picture.shape[-2:] != (side, side):
        picture = F.interpolate(picture, (side, side), mode="bilinear", antialias=True)
    return picture


def usable_composites(mask: Tensor, reference: Tensor | None) -> Tensor:
    """B 1 1 1: True where a composite has foreground and background that may be consulted."""
    background = 1 - mask if reference is None else torch.minimum(1 - mask, reference)
    return (mask.amax((1, 2, 3), keepdim=True) > 0) & (background.amax((1, 2, 3), keepdim=True) >= 0.5)
