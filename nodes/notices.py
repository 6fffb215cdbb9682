"""What the user is told when a picture comes back as it went in."""

from __future__ import annotations

from torch import Tensor

from ..regharm_core.view import DEFAULT_CONTEXT, frame, shrink, usable_composites

EMPTY = "the mask is empty"
FULL = "there is no background that may be consulted (mask all white, or reference mask empty)"


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
