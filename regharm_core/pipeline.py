"""The one public call: a composite of any size in, the harmonized composite out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from .errors import CheckpointError, InputError
from .network.face import Harmonizer
from .network.folding import fold_norms
from .picture.adjust import Adjustment
from .picture.carry import apply_maps, merged
from .picture.changes import EACH, SHARED, STEADY, Found, find_changes, settle
from .picture.correction import Correction
from .picture.inputs import check_inputs
from .picture.light import SRGB, is_linear
from .picture.local_map import LocalMaps
from .picture.subjects import DEFAULT_CONTEXT, check_context, subjects_of
from .picture.view import Check, View
from .store.checkpoint import load_network

_INSIDE = Path(__file__).resolve().parent / "weights"  # so in a wheel; the repository has them one up
WEIGHTS_FOLDER = _INSIDE if _INSIDE.is_dir() else _INSIDE.parent.parent / "weights"
DEFAULT_WEIGHTS = ("regharm.safetensors", "regharm-lite.safetensors")  # the first that is there

APART, TOGETHER = "one by one", "together"  # what becomes of several objects in a mask

Progress = Callable[[int, int], None]


def default_weights() -> Path:
    """The bundled weights that :func:`load_harmonizer` takes when none are named.

    Raises:
        CheckpointError: when none are there.
    """
    for name in DEFAULT_WEIGHTS:
        if (path := WEIGHTS_FOLDER / name).is_file():
            return path
    raise CheckpointError(f"no bundled weights in {WEIGHTS_FOLDER}; looked for {', '.join(DEFAULT_WEIGHTS)}")


def load_harmonizer(path: str | Path | None = None, device: str | torch.device = "cpu") -> Harmonizer:
    """Load a network, ready for :func:`harmonize`: its batch norms folded, channels last.

    Args:
        path: a .safetensors file of this project; None for the bundled default.
        device: where the network shall live.

    Raises:
        CheckpointError: when the file is missing, broken or foreign.
    """
    net, _ = load_network(default_weights() if path is None else Path(path))
    return fold_norms(net).to(torch.device(device)).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


@torch.inference_mode()
def harmonize(
    model: Harmonizer,
    image: Tensor,
    mask: Tensor,
    *,
    reference_mask: Tensor | None = None,
    strength: float = 1.0,
    context: float | None = DEFAULT_CONTEXT,
    shared: bool = False,
    steady: bool = False,
    objects: str = APART,
    encoding: str = SRGB,
    mirrored: bool = True,
    tone: float = 1.0,
    colour: float = 1.0,
    contrast: float = 1.0,
    batch_size: int = 8,
    progress: Progress | None = None,
    check: Check | None = None,
    kept: list[Correction] | None = None,
) -> Tensor:
    """Harmonize the foreground of composites with their background.

    The network sees a copy of ``model.config.view`` px a side; its residual is carried to the full size
    as local affine colour maps (:mod:`.picture.local_map`), so detail stays. Where the mask is 0 the result
    equals the input bit for bit, where it is soft the change is soft.

    Args:
        model: from :func:`load_harmonizer`.
        image: B 3 H W floating point, 16 to 32768 px a side, on any device. Values outside [0, 1] are
            kept: the change found for the nearest value inside is added to them.
        mask: B 1 H W, 1 = foreground; values are clamped to [0, 1].
        reference_mask: B 1 H W, 1 = background that may be consulted, nothing where it is nowhere above a half; all
            of it where None.
        strength: 0 (input) to 2; scales the change.
        context: the network is shown the foreground's bounding box with its sides times this number, 1.25
            or more, and at least ``model.config.least_box`` px; with a reference_mask the box also holds all
            of the reference. None shows it the whole picture. The bundled network looks at less than that (divided
            by ``model.config.wider``) and at more (times that).
        shared: one colour map for the whole batch, so that the frames of a clip do not flicker.
        steady: colour maps of their own for all frames, but averaged over a few frames to either side.
        objects: "one by one": separate objects of a mask (:mod:`.picture.objects`) are harmonized each with the
            others taken out of its references, up to ten; what is nearer to another than a quarter of its own size
            counts as one. "together": as one object, as frames that are shared or steady always are.
        encoding: "sRGB" or "linear": whether the image holds display values or scene-linear light. Of linear light the
            network is shown display values, and the change is carried back; values above 1 change as 1 does, by
            the same factor.
        mirrored: take the mean with the answer to a second look, at the mirror image. With a single look the box is as
            ``context`` says.
        tone, colour, contrast: how much of the change's lightness, of its hue and saturation and of its contrast
            is applied, each from 0 (none) to 2; exactly what was found at 1 (:mod:`.picture.adjust`).
        batch_size: composites the network sees at once.
        progress: called with (steps done, all steps) after each: a composite takes two, the network's look at it
            and its change at full size.
        check: called before each pass of the network and each strip of a full-size picture, to cancel
            by raising. What progress and check raise passes through.
        kept: a list that one correction a composite is appended to, the change as it was applied.

    A photograph without colour, or of one hue, keeps that (:mod:`.picture.hue`).

    Returns:
        B 3 H W of the image's dtype and device; the inputs are not modified. A composite without
        foreground, or without background that may be consulted, comes back as it went in.

    Raises:
        InputError: on wrong shapes, dtypes, sizes, a strength, tone, colour or contrast outside 0..2,
            a context below 1.25, or values that are not finite.
    """
    linear = is_linear(encoding)
    image, mask, reference_mask = check_inputs(image, mask, reference_mask)
    _check_strength(strength)
    if objects not in (APART, TOGETHER):
        raise InputError(f"objects must be {APART!r} or {TOGETHER!r}, got {objects!r}")
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1, got {batch_size!r}")
    if shared and steady:
        raise InputError("shared and steady are two ways for the frames of a clip; choose one")
    result, count = image.clone(), image.shape[0]
    frames = SHARED if shared else STEADY if steady else EACH
    asked = _Asked(model, context, objects, Adjustment(tone, colour, contrast), mirrored, frames)
    check = check or _go_on

    def seen(done: int, all_of_them: int) -> None:
        if progress is not None:
            progress(count * done // all_of_them, 2 * count)

    found = asked.look(image, mask, reference_mask, linear, batch_size, check, seen) if strength else []
    changes = settle(found, frames, asked.adjustment, strength)
    for n in range(count):
        correction = Correction.none()
        own = [place for place, one in enumerate(found) if one.subject.row == n]
        if any(found[place].usable for place in own):
            parts = [changes[p] if found[p].usable else changes[p].nothing for p in own]
            maps, box = merged([found[p].subject for p in own], parts, result[n])
            apply_maps(result[n], image[n], mask[n], maps, box, strength, check, linear=linear)
            if kept is not None:
                correction = Correction.of(image[n], result[n], mask[n], maps, box, strength, linear=linear)
        if kept is not None:
            kept.append(correction)
        if progress is not None and strength:
            progress(count + n + 1, 2 * count)
    return result


class Clip:
    """Frames that come one by one, so that a clip need not be in memory at once.

    First each is looked at, in its order, then each is changed, as :func:`harmonize` does it with ``shared`` or
    ``steady``. Frames may differ in size.

    Args:
        model: from :func:`load_harmonizer`.
        steady: a change that is smoothed over time; else one for the whole clip.
        strength, context: as for :func:`harmonize`.

    Raises:
        InputError: on a strength outside 0..2 or a context below 1.25.
    """

    def __init__(
        self, model: Harmonizer, *, steady: bool = False, strength: float = 1.0, context: float | None = DEFAULT_CONTEXT
    ) -> None:
        _check_strength(strength)
        self._asked = _Asked(model, context, TOGETHER, Adjustment(), True, STEADY if steady else SHARED)
        self._strength = strength
        self._found: list[Found] = []
        self._changes: list[LocalMaps] = []

    def __len__(self) -> int:
        return len(self._found)

    @torch.inference_mode()
    def look(self, image: Tensor, mask: Tensor, reference_mask: Tensor | None = None, encoding: str = SRGB) -> None:
        """Look at the next frame: 1 3 H W, 1 1 H W and, where not all may be consulted, 1 1 H W."""
        linear = is_linear(encoding)
        image, mask, reference_mask = check_inputs(image, mask, reference_mask)
        self._found += self._asked.look(image, mask, reference_mask, linear, 1, _go_on, _tell_nobody)
        self._changes = []

    @torch.inference_mode()
    def change(self, n: int, image: Tensor, mask: Tensor, encoding: str = SRGB) -> Tensor:
        """Frame ``n`` (from 0) with the clip's change, 1 3 H W."""
        linear = is_linear(encoding)
        image, mask, _ = check_inputs(image, mask, None)
        self._changes = self._changes or settle(self._found, self._asked.frames, self._asked.adjustment, self._strength)
        result, found = image.clone(), self._found[n]
        if found.usable and self._strength:
            maps, box = self._changes[n], found.subject.box
            apply_maps(result[0], image[0], mask[0], maps, box, self._strength, _go_on, linear=linear)
        return result


@dataclass(frozen=True)
class _Asked:
    """What is asked of the network, for any number of pictures."""

    model: Harmonizer
    context: float | None
    objects: str
    adjustment: Adjustment
    mirrored: bool
    frames: str

    def __post_init__(self) -> None:
        check_context(self.context)

    def look(
        self,
        image: Tensor,
        mask: Tensor,
        reference: Tensor | None,
        linear: bool,
        batch: int,
        check: Check,
        seen: Callable[[int, int], None],
    ) -> list[Found]:
        """Every object of every picture, in their order; all of a picture's as one where frames belong together."""
        apart, config = self.objects == APART and self.frames == EACH, self.model.config
        if not self.mirrored:
            config = replace(config, wider=1.0)
        references = [None] * len(image) if reference is None else reference
        subjects = [
            subject
            for n, (one, of) in enumerate(zip(mask, references, strict=True))
            for subject in subjects_of(n, one, of, self.context, config, apart=apart)
        ]
        if not subjects:
            return []

        def told(done: int) -> None:
            seen(done, len(subjects))

        views = View.of(self.model, image, mask, reference, subjects, batch, check, self.mirrored, linear, told)
        return find_changes(views, subjects, image, mask, self.adjustment, linear=linear, frames=self.frames)


def _check_strength(strength: float) -> None:
    if not 0 <= strength <= 2:
        raise InputError(f"strength must be from 0 to 2, got {strength!r}")


def _go_on() -> None:
    """Never cancels."""


def _tell_nobody(done: int, total: int) -> None:
    """Progress that is not shown."""
