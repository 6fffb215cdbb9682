"""The status line: what a run did, in words, and what a person should look at. Measured in the core, worded here."""

from __future__ import annotations

from collections.abc import Mapping, Sized

import torch
from torch import Tensor

from ..regharm_core.network.config import HarmonizerConfig
from ..regharm_core.picture.describe import Change, change_in_words, mean_change, measure_change, share_in_words
from ..regharm_core.picture.suspicion import (
    EMPTY,
    FAINT,
    FULL,
    INVERTED,
    LARGE,
    concentration,
    other_shape,
    shows_nothing,
    suspect,
)
from .tensors import flatten_mask

REFERENCE, CHANGE, ATTENTION = ", or reference mask nowhere above a half", ": only a part of the change is shown", ""
UNCHANGED = {
    EMPTY: "the mask is empty",
    FULL: f"there is no background that may be consulted (mask all white{REFERENCE})",
}
ODD = {
    INVERTED: "the mask{of} looks inverted: white all around, black inside. {advice}",
    LARGE: "the mask covers more than nine tenths of {which}: little background is left to match. {advice}",
    FAINT: f"the mask{{of}} is nowhere brighter than a half{CHANGE}",
}


def counted(count: int, thing: str = "image") -> str:
    """ "1 image", "4 images"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def some(n: int, count: int) -> str:
    """ "image" of one, "4 images" of 4, "3 of 4 images"."""
    return "image" if count == 1 else counted(count) if n == count else f"{n} of {counted(count)}"


def changed(
    before: Tensor, after: Tensor, mask: Tensor, part: str = "of {} foreground", *, linear: bool = False
) -> str:
    """What a batch became: "1 image, 18 % of it foreground: darker, cooler".

    Args:
        before: B 3 H W.
        after: B H W 3.
        mask: B 1 H W.
        part: what the mask is, with a place for "it" or "each"; nothing where there is none.
        linear: the pictures are linear light.
    """
    count = before.shape[0]
    touched: list[Change] = []
    for n in range(count):
        old, new = before[n], after[n].movedim(-1, 0).to(before.device)
        if not torch.equal(old, new):
            touched.append(measure_change(old, new, mask[n], linear=linear))
    if not touched:
        return f"{counted(count)}, unchanged"
    share = share_in_words([change.share for change in touched])
    whose = "it" if count == 1 else "each"
    what = f", {share} {part.format(whose)}" if part else ""
    return f"{counted(count)}{what}: {change_in_words(mean_change(touched))}"


def oddities(
    mask: Tensor, reference: Tensor | None, config: HarmonizerConfig, advice: str = ""
) -> tuple[list[str], bool]:
    """What is odd about the masks of a batch (B 1 H W), and whether that leaves every picture unchanged.

    Args:
        mask, reference, config: as for :func:`regharm_core.picture.suspicion.suspect`.
        advice: what to try where a mask looks inverted or covers nearly everything.
    """
    count = mask.shape[0]
    kinds = [suspect(mask[n], None if reference is None else reference[n], config) for n in range(count)]
    said: list[str] = []
    for kind, words in UNCHANGED.items():
        if n := kinds.count(kind):
            said.append(f"{words}: {some(n, count)} returned unchanged")
    for kind, words in ODD.items():
        if n := kinds.count(kind):
            which = "the image" if count == 1 else some(n, count)
            said.append(words.format(which=which, of="" if count == 1 else f" of {which}", advice=advice).strip())
    return said, all(kind in UNCHANGED for kind in kinds)


def hidden(mask: Tensor, blend_mask: Tensor | None) -> list[str]:
    """That a blend mask shows nothing of the result: B 1 H W, both."""
    if blend_mask is None:
        return []
    n = sum(shows_nothing(mask[i], blend_mask[i]) for i in range(mask.shape[0]))
    if not n:
        return []
    which = some(n, mask.shape[0])
    return [f"the blend mask is black over all of the foreground: {which} returned unchanged"]


def stretched(masks: dict[str, Tensor | None], size: tuple[int, int]) -> list[str]:
    """Which masks have another shape than the picture, as a cut-out's own mask has.

    Args:
        masks: as they came, by the name of their input.
        size: the picture's height and width.
    """
    said: list[str] = []
    for name, mask in masks.items():
        if mask is None or not bool(mask.any()):
            continue
        height, width = flatten_mask(mask, name).shape[-2:]
        if other_shape((height, width), size):
            said.append(
                f"{name} ({width} x {height}) was stretched to the image's shape ({size[1]} x {size[0]}). "
                "Is it the mask of this image?"
            )
    return said


def repeated(count: int, masks: Mapping[str, Sized | None]) -> list[str]:
    """That there were fewer masks than images, or more: count of images, masks (B 1 H W) by their input's name."""
    said: list[str] = []
    for name, mask in masks.items():
        given = 1 if mask is None else len(mask)  # cut-outs, backgrounds and corrections too
        thing = name.replace("_", " ")
        if 1 < given < count:
            said.append(f"{counted(count)}, {counted(given, thing)}: the last {thing} was repeated")
        elif given > count:
            extra = given - count
            were = "was" if extra == 1 else "were"
            said.append(f"{counted(count)}, {counted(given, thing)}: the last {counted(extra, thing)} {were} left out")
    return said


def covered(mask: Tensor) -> str:
    """How much of the pictures a mask takes, B H W: "8 %"."""
    return share_in_words([float(mask[n].mean()) for n in range(mask.shape[0])])


def percent(share: float) -> str:
    """A part of something: "12 %"."""
    return share_in_words([share])


def looked_at(heat: Tensor, mask: Tensor) -> str:
    """Where the answer to a question lies: heat B H W, mask B 1 H W."""
    count = heat.shape[0]
    parts = [concentration(heat[n][None], (1 - mask[n]).to(heat.device)) for n in range(count)]
    known = [part for part in parts if part is not None]
    if not known:
        return f"{counted(count)}, nothing was consulted"
    return f"{counted(count)}: half of what was taken comes from {share_in_words(known)} of the background"


def unanswered(mask: Tensor, query: Tensor | None, config: HarmonizerConfig) -> list[str]:
    """Why a map is black: B 1 H W, both."""
    said, none = oddities(mask, None, config)
    said = [line.replace("returned unchanged", "without an answer").replace(CHANGE, ATTENTION) for line in said]
    said = [line.replace(REFERENCE, "") for line in said]
    if query is not None and not none:
        missed = int(((query * mask).flatten(1).amax(1) == 0).sum())
        if missed:
            which = "its map is black" if mask.shape[0] == 1 else f"{missed} of {mask.shape[0]} maps are black"
            said.append(f"the query mask does not touch the foreground: {which}")
    return said
