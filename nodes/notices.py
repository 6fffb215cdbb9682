"""What the user is told when a picture comes back as it went in, or when a mask does not look like the picture's."""

from __future__ import annotations

from torch import Tensor

from ..regharm_core.picture.view import DEFAULT_CONTEXT, frame, shrink, usable_composites
from .tensors import flatten_mask

EMPTY = "the mask is empty"
FULL = "there is no background that may be consulted (mask all white, or reference mask empty)"


SAME_SHAPE = 1.02  # ratios of the sides that differ by less are the same, cut to whole latents


def stretched(masks: dict[str, Tensor | None], size: tuple[int, int]) -> str | None:
    """Which masks have another shape than the picture (as a cut-out's own mask has), or None where all fit.

    Args:
        masks: as they came, by the name of their input.
        size: the picture's height and width.
    """
    said: list[str] = []
    for name, mask in masks.items():
        if mask is None or not bool(mask.any()):
            continue
        height, width = flatten_mask(mask, name).shape[-2:]
        ratio = width * size[0] / (height * size[1])
        if max(ratio, 1 / ratio) > SAME_SHAPE:
            said.append(f"{name} ({width} x {height}) was stretched to the image's shape ({size[1]} x {size[0]})")
    return f"Warning: {'; '.join(said)}. Is it the mask of this image?" if said else None


def unchanged(mask: Tensor, reference: Tensor | None, view: int) -> str | None:
    """Why pictures cannot be harmonized, or None where all can: B 1 H W in [0, 1], the network's view in px."""
    empty = full = 0
    for n in range(mask.shape[0]):
        box = frame(mask[n], None if reference is None else reference[n], DEFAULT_CONTEXT, view)
        one = shrink(box.of(mask[n : n + 1]), view)
        allowed = None if reference is None else shrink(box.of(reference[n : n + 1]), view)
        if not bool(mask[n].any()):
            empty += 1
        elif not bool(usable_composites(one, allowed)):
            full += 1
    said = [f"{reason}: {_share(n, mask.shape[0])} unchanged" for reason, n in ((EMPTY, empty), (FULL, full)) if n]
    return "Warning: " + "; ".join(said) + "." if said else None


def _share(n: int, count: int) -> str:
    return "image returned" if count == 1 else f"{n} of {count} images returned"
