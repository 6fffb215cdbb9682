"""The network's view: small copies of composites, and what the network answers to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..network.face import Harmonizer
from ..network.maps import apply_small_maps, followed, foreground_energy
from ..network.profiles import Rim
from .box import Box, bounding_box
from .light import encode
from .objects import places_in
from .rims import rim_for
from .sampling import sample_repeated
from .small import Prepare, limited, shrink
from .subjects import Subject

Check = Callable[[], None]

HALF = 0.5 + 1e-3  # of a place; where foreground and background share an edge, both have a half of it
LEAST = 1e-6  # squared 8-bit values: a mean square below is as good as none
DONE = 0.4  # where the rim leaves less of the error than this, the answer of a network that is not told is weighed less


class View:
    """What the network saw and answered, at its own size, one entry a subject.

    Attributes:
        guide: the composite, B 3 S S in [0, 1].
        weight: the mask, B 1 S S.
        residual: the change before the mask is applied, B 3 S S.
        usable: B 1 1 1, False where foreground or background is missing.
        maps: the residual as local colour maps, B 12 h w, from a network that draws them.
        background: what may be consulted, B 1 S S; all that is not foreground where it is not given.
    """

    def __init__(
        self,
        guide: Tensor,
        weight: Tensor,
        residual: Tensor,
        usable: Tensor,
        maps: Tensor | None = None,
        background: Tensor | None = None,
    ) -> None:
        self.guide, self.weight, self.residual, self.usable, self.maps = guide, weight, residual, usable, maps
        self.background = 1 - weight if background is None else background

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of what the network saw."""
        return self.guide.shape[-2], self.guide.shape[-1]

    @classmethod
    def of(
        cls,
        model: Harmonizer,
        image: Tensor,
        mask: Tensor,
        reference: Tensor | None,
        subjects: Sequence[Subject],
        batch: int,
        check: Check,
        mirrored: bool = False,
        linear: bool = False,
        seen: Callable[[int], None] | None = None,
    ) -> View:
        """Show the network a small copy of each subject's box, ``batch`` at a time, each after ``check``.

        Where ``mirrored``, it looks twice, and the residual is the mean of both answers: to the copy, and to the
        mirror image of a copy of the subject's wide box. Both are shown in one pass: half of ``batch`` subjects, but
        at least one.
        ``seen`` is told after each pass how many subjects the network has looked at.
        """
        parts: list[tuple[Tensor, ...]] = []
        step = max(batch // 2, 1) if mirrored else batch
        for start in range(0, len(subjects), step):
            check()
            some = subjects[start : start + step]
            guide, weight, allowed = look(model, image, mask, reference, some, linear=linear)
            rim = rim_for(model, image, mask, reference, some, linear=linear)
            usable = usable_composites(weight, allowed)
            background = 1 - weight if allowed is None else torch.minimum(1 - weight, allowed)
            if mirrored:
                second = guide, weight, allowed
                if any(one.wide != one.box for one in some):
                    second = look(model, image, mask, reference, [one.second for one in some], linear=linear)
                both = [_with_mirror(*part) for part in zip((guide, weight, allowed), second, strict=True)]
                rim = {name: replace(part, looks=2) for name, part in rim.items()}
                answer = _answer(model, both[0], both[1], both[2], rim)  # pyright: ignore[reportArgumentType]
                answer = _from_both(answer, some)
            else:
                answer = _answer(model, guide, weight, allowed, rim)
            parts.append((guide, weight, usable, background, *_residual_and_maps(model, answer, guide)))
            if seen is not None:
                seen(start + len(some))
        guide, weight, usable, background, residual, *maps = (torch.cat(part) for part in zip(*parts, strict=True))
        return cls(guide, weight, residual, usable, maps[0] if maps else None, background)


def held_back(energy: Tensor, doubt: Tensor | None, caution: float) -> Tensor:
    """How much of each answer is given.

    The network's error is about as large where nothing needs to be changed as elsewhere: a small answer is mostly
    error, a large one mostly right. Where the network does not say how wrong it may be, an answer whose mean square
    over the foreground is e is scaled by ``e / (e + caution^2)`` (the shrinkage of a Wiener filter). Where it expects
    an error of d, the scale is ``e^4 / (e^4 + (caution^2 d)^2)``: half of an answer is left where e^2 is
    caution^2 times d, a seventeenth where e is half of that, and all but a seventeenth where it is twice. So what is
    too small to be seen, or more doubtful than clear, is held back, and all else is given almost whole.

    Args:
        energy: e, B, in squared 8-bit values.
        doubt: the logarithm of d, B; None where the network does not say.
        caution: see :class:`regharm_core.network.config.HarmonizerConfig`.

    Returns:
        B in [0, 1].
    """
    if not caution:
        return torch.ones_like(energy)
    if doubt is None:
        return energy / (energy + caution**2)
    return 1 / (1 + (caution**2 * doubt.exp() / energy.clamp_min(LEAST).square()).square())


def _with_mirror(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """The first looks, and the mirror images of the second ones."""
    return None if first is None or second is None else torch.cat([first, second.flip(-1)])


def _from_both(answer: Tensor, subjects: Sequence[Subject]) -> Tensor:
    """The mean of both looks' answers, B C h w over the subjects' boxes; those of second looks are the second half."""
    first, second = answer.chunk(2)
    second = second.flip(-1)
    if all(one.wide == one.box for one in subjects):
        return (first + second) / 2
    return (first + part_of(second, [one.box for one in subjects], [one.wide for one in subjects])) / 2


def part_of(answer: Tensor, boxes: Sequence[Box], wide: Sequence[Box]) -> Tensor:
    """What was found over wide boxes, B C h w, resized (bilinearly) to h w places of boxes inside of them."""
    turns = []
    for inner, outer in zip(boxes, wide, strict=True):
        (height, width), (whole_height, whole_width) = inner.size, outer.size
        across = (inner.left + inner.right - 2 * outer.left) / whole_width - 1
        down = (inner.top + inner.bottom - 2 * outer.top) / whole_height - 1
        turns.append([[width / whole_width, 0, across], [0, height / whole_height, down]])
    grid = F.affine_grid(torch.tensor(turns).to(answer), list(answer.shape), align_corners=False)
    return sample_repeated(answer, grid)


def _residual_and_maps(model: Harmonizer, answer: Tensor, guide: Tensor) -> list[Tensor]:
    """The residual, B 3 S S, and the maps, B 12 h w, where the network's answer is maps."""
    return [apply_small_maps(answer, guide), answer] if model.config.layout == "maps" else [answer]


def _answer(model: Harmonizer, guide: Tensor, weight: Tensor, allowed: Tensor | None, rim: dict[str, Rim]) -> Tensor:
    """The residual, B 3 S S, or the maps, B 12 h w, of a network that draws them; held back as far as they are.

    Where the rim was read, the maps are what it tells followed by the network's own. A network that is told of it
    answers for both, and both are held back. Of one that is not, only its own maps are, and the less the rim leaves to
    be done, the less is taken of them.
    """
    dtype = next(model.parameters()).dtype
    reference, within = None if allowed is None else allowed.to(dtype), bounding_box(weight.amax(0))
    answer = model(guide.to(dtype), weight.to(dtype), reference=reference, within=within, **rim)

    def held(change: Tensor, residual: Tensor) -> Tensor:
        share = held_back(foreground_energy(residual, weight), answer.doubt, model.config.caution)
        return change * share[:, None, None, None]

    drawn = answer.prediction.float()
    residual = drawn if model.config.residual else drawn - guide
    if answer.maps is None:
        return held(residual, residual)
    own, read = answer.maps.float(), answer.rim
    if read is None:
        return held(own, residual)
    if model.config.told:
        both = followed(read.maps, own)
        return held(both, apply_small_maps(both, guide))
    return followed(read.maps, held(own, residual) * (read.left / DONE).clamp(max=1)[:, None, None, None])


def look(
    model: Harmonizer,
    image: Tensor,
    mask: Tensor,
    reference: Tensor | None,
    subjects: Sequence[Subject],
    *,
    linear: bool = False,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """What the network sees: image (in [0, 1]), mask and reference at its size, on its device, an entry a subject.

    The mask has its levels stretched and holds the subject's object alone; the composite's other objects are taken
    out of the reference.

    Args:
        model, image, mask, reference: as for :func:`regharm_core.pipeline.harmonize`.
        subjects: what is looked at.
        linear: the image is linear light, and the network is shown its display values.
    """
    side, device = model.config.view, next(model.parameters()).device

    def small(picture: Tensor, subject: Subject, prepare: Prepare | None = None) -> Tensor:
        part = subject.box.of(picture[subject.row : subject.row + 1])
        return shrink(part, (side, side), prepare).clamp(0, 1).to(device)  # averages reach 1.0000004

    guides, weights, allowed = [], [], []
    for subject in subjects:
        guides.append(small(image, subject, encode if linear else limited))
        weight = small(mask, subject, subject.levels.stretch)
        may = None if reference is None else small(reference, subject)
        if subject.places is not None:
            size = (mask.shape[-2], mask.shape[-1])
            own = (places_in(subject.places, subject.box, size, (side, side)) == subject.number).to(weight)
            others = weight * (1 - own)
            weight = weight * own
            may = 1 - others if may is None else torch.minimum(may, 1 - others)
        weights.append(weight)
        allowed.append(may)
    if all(may is None for may in allowed):
        return torch.cat(guides), torch.cat(weights), None
    full = [torch.ones_like(w) if may is None else may for w, may in zip(weights, allowed, strict=True)]
    return torch.cat(guides), torch.cat(weights), torch.cat(full)


def usable_composites(mask: Tensor, reference: Tensor | None) -> Tensor:
    """B 1 1 1: True where a composite has foreground and background that may be consulted."""
    background = 1 - mask if reference is None else torch.minimum(1 - mask, reference)
    return (mask.amax((1, 2, 3), keepdim=True) > 0) & (background.amax((1, 2, 3), keepdim=True) > HALF)
