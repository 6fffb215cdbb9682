"""What to say of a mask that looks wrong, though it can be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from ..network.config import HarmonizerConfig
from ..picture.suspicion import EMPTY, FAINT, FULL, INVERTED, LARGE, other_shape, suspect


def odd_masks(
    mask: Path, composite: Path, drawn: Tensor, weight: Tensor, reference: Tensor | None, config: HarmonizerConfig
) -> Iterator[str]:
    """A sentence for each thing that is odd about the mask of one picture.

    Args:
        mask, composite: the files.
        drawn: the mask as it was read, 1 1 h w.
        weight: the same in the picture's size, 1 1 H W.
        reference: 1 1 H W, the background that may be consulted; all of it where None.
        config: the network's.
    """
    (height, width), size = drawn.shape[-2:], (weight.shape[-2], weight.shape[-1])
    if other_shape((height, width), size):
        yield f"the mask {mask} of {width} x {height} px was stretched to a picture of {size[1]} x {size[0]} px"
    kind = suspect(weight[0], None if reference is None else reference[0], config)
    if kind == EMPTY:
        yield f"the mask {mask} is black everywhere; {composite} comes back as it was"
    elif kind == FULL:
        white = "is white everywhere" if float(weight.amin()) >= 1 else "leaves no background that may be consulted"
        yield f"the mask {mask} {white}; {composite} comes back as it was"
    elif kind == INVERTED:
        yield f"the mask {mask} looks inverted: white all around, black inside; white is to mark what was pasted"
    elif kind == LARGE:
        yield f"the mask {mask} covers more than nine tenths of the picture: little background is left to match"
    elif kind == FAINT:
        yield f"the mask {mask} is nowhere brighter than {float(weight.amax()):.2g} of white; so faint is the change"
