"""The edges of subjects, read off the full-size picture for a network that wants them (:mod:`..network.rim`)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..network.face import Harmonizer
from ..network.profiles import SAMPLES, Rim, of_pictures, profiles_at, rim_of, spread
from .light import encode
from .objects import places_at
from .subjects import Subject

PROFILES = 1024  # of a subject: eight times as many change large pictures by 0.0 to 1.2 of 255 (root mean square)


def rim_for(
    model: Harmonizer,
    image: Tensor,
    mask: Tensor,
    reference: Tensor | None,
    subjects: Sequence[Subject],
    *,
    linear: bool = False,
) -> dict[str, Rim]:
    """What a network is given beside its small copies: {"rim": ...} on its device, or nothing if it reads none."""
    if not model.config.rim:
        return {}
    found = rims_of(image, mask, reference, subjects, linear=linear)
    return {"rim": found.to(next(model.parameters()).device)}


def rims_of(
    image: Tensor, mask: Tensor, reference: Tensor | None, subjects: Sequence[Subject], *, linear: bool = False
) -> Rim:
    """The rims of subjects, on the image's device; arguments as for :func:`.view.look`."""
    found = [_rim(image, mask, reference, subject, linear) for subject in subjects]
    profiles, there = zip(*found, strict=True)
    return Rim(torch.cat(profiles), torch.tensor(there, device=image.device))


def _rim(image: Tensor, mask: Tensor, reference: Tensor | None, subject: Subject, linear: bool) -> tuple[Tensor, bool]:
    """1 PROFILES SAMPLES 4, and whether there is an edge."""
    rows = slice(subject.row, subject.row + 1)
    masks, levels, box = of_pictures(mask[rows]), subject.levels, subject.box
    colours = of_pictures(image[rows])
    references = None if reference is None else of_pictures(reference[rows])
    size = (mask.shape[-2], mask.shape[-1])

    def own(down: Tensor, across: Tensor) -> Tensor:
        if subject.places is None:
            return torch.ones_like(down, dtype=torch.bool)
        return (places_at(subject.places, size, down.cpu(), across.cpu()) == subject.number).to(down.device)

    def weight(down: Tensor, across: Tensor) -> Tensor:
        return levels.stretch(masks(down, across).float()) * own(down, across)[:, None]

    def closed(down: Tensor, across: Tensor) -> Tensor:
        answer = levels.stretch(masks(down, across).float())
        return answer if references is None else torch.maximum(answer, 1 - references(down, across).float())

    def colour(down: Tensor, across: Tensor) -> Tensor:
        seen = colours(down, across).float()
        return (encode(seen) if linear else seen).clamp(0, 1)

    half = (levels.low + levels.high) / 2
    hard = box.of(mask[rows]) > half
    shut = hard if reference is None else hard | (box.of(reference[rows]) < 0.5)
    place = rim_of(hard, shut)[0, 0].nonzero()
    down, across = place[:, 0] + box.top, place[:, 1] + box.left
    mine = own(down[None], across[None])[0]
    down, across = down[mine], across[mine]
    if not len(down):
        return torch.zeros(1, PROFILES, SAMPLES, 4, device=image.device), False
    chosen = spread(torch.ones(1, len(down), dtype=torch.bool, device=down.device), PROFILES)[0]
    return profiles_at(colour, weight, closed, down[None, chosen], across[None, chosen]), True
