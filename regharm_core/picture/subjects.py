"""What the network is asked about: the objects of composites, and how much around each is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from ..errors import InputError
from ..network.config import HarmonizerConfig
from .box import Box, bounding_box, join, whole, widen
from .levels import BLACK, Levels
from .objects import find_objects, joined, surroundings_of

SMALLEST_CONTEXT = 1.25
DEFAULT_CONTEXT = 1.4  # chosen on the validation pairs


def check_context(context: float | None) -> None:
    """Refuse a context below 1.25 with an InputError."""
    if context is not None and not context >= SMALLEST_CONTEXT:
        raise InputError(f"context must be None or at least {SMALLEST_CONTEXT}, got {context!r}")


@dataclass(frozen=True)
class Subject:
    """What the network is asked about: one object of one composite.

    Attributes:
        row: which composite.
        box: the part of it that is shown.
        wide: the part that the second look is shown; it holds the box.
        levels: black and white of its mask.
        places: h w over the whole picture, the number of the object that each place belongs to; None for one object.
        number: which of them is meant.
    """

    row: int
    box: Box
    wide: Box
    levels: Levels
    places: Tensor | None = None
    number: int = 0

    @property
    def second(self) -> Subject:
        """The same for the second look."""
        return self if self.wide == self.box else replace(self, box=self.wide)


def subjects_of(
    row: int,
    mask: Tensor,
    reference: Tensor | None,
    context: float | None,
    config: HarmonizerConfig,
    *,
    apart: bool = False,
) -> list[Subject]:
    """What is to be asked about a composite: its objects one by one where ``apart``, else all as one.

    Shown is the part around the object, with all of the reference. Where one of the objects would have no background
    of its own in it, they are asked about together.

    Args:
        row: the composite's number.
        mask: 1 H W in [0, 1].
        reference: 1 H W, the background that may be consulted; all where None.
        context: at least 1.25: the box's sides times this; the whole picture where None.
        config: the network's: its ``least``, ``wider`` and ``least_wide`` say how large the boxes of both looks are.

    Raises:
        InputError: on a context below 1.25.
    """
    check_context(context)
    size = (mask.shape[-2], mask.shape[-1])
    needed = None if reference is None or context is None else bounding_box(reference, BLACK)

    def shown(box: Box) -> Box:
        if context is None:
            return whole(mask)
        box = widen(box, max(context / config.wider, SMALLEST_CONTEXT), config.least_box, size)
        return box if needed is None else join(box, needed)

    def beyond(box: Box, first: Box) -> Box:
        if context is None or config.wider == 1:
            return first
        return join(first, widen(box, context * config.wider, config.least_wide or config.view, size))

    objects = find_objects(mask, apart=apart)
    boxes = [shown(box) for box in objects.boxes]
    if len(boxes) > 1 and not surroundings_of(objects, boxes, size):
        objects = joined(objects)
        boxes = [shown(objects.boxes[0])]
    wide = [beyond(box, first) for box, first in zip(objects.boxes, boxes, strict=True)]
    return [
        Subject(row, first, second, objects.levels, objects.places, n)
        for n, (first, second) in enumerate(zip(boxes, wide, strict=True))
    ]
