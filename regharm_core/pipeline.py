"""The one public call: a composite of any size in, the harmonized composite out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from .errors import CheckpointError, InputError
from .network.face import Harmonizer
from .network.folding import fold_norms
from .picture.adjust import Adjustment
from .picture.carry import apply_maps, combined
from .picture.changes import changes_of
from .picture.correction import Correction
from .picture.inputs import check_inputs
from .picture.light import SRGB, is_linear
from .picture.view import DEFAULT_CONTEXT, Check, View, subjects_of
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
        image: B 3 H W floating point, 16 to 8192 px a side, on any device. Values outside [0, 1] are
            kept: the change found for the nearest value inside is added to them.
        mask: B 1 H W, 1 = foreground; values are clamped to [0, 1].
        reference_mask: B 1 H W, 1 = background that may be consulted; all of it where None.
        strength: 0 (input) to 2; scales the change.
        context: the network is shown the foreground's bounding box with its sides times this number, 1.25
            or more, and at least ``model.config.view`` px; with a reference_mask the box also holds all
            of the reference. None shows it the whole picture.
        shared: one colour map for the whole batch, so that the frames of a clip do not flicker.
        objects: "one by one": separate objects of a mask (:mod:`.picture.objects`) are harmonized each with the
            others taken out of its references, up to ten; what is nearer to another than half its own size counts
            as one. "together": as one object, as frames that share a map always are.
        encoding: "sRGB" or "linear": whether the image holds display values or scene-linear light. Of linear light the
            network is shown display values, and the change is carried back; values above 1 change as 1 does, by
            the same factor.
        mirrored: show the network the mirror image too and take the mean of both answers.
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
    if not 0 <= strength <= 2:
        raise InputError(f"strength must be from 0 to 2, got {strength!r}")
    if objects not in (APART, TOGETHER):
        raise InputError(f"objects must be {APART!r} or {TOGETHER!r}, got {objects!r}")
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1, got {batch_size!r}")
    result = image.clone()
    count, references = image.shape[0], [None] * len(image) if reference_mask is None else reference_mask
    subjects = [
        subject
        for n, (one, of) in enumerate(zip(mask, references, strict=True))
        for subject in subjects_of(n, one, of, context, model.config.view, apart=objects == APART and not shared)
    ]
    adjustment = Adjustment(tone, colour, contrast)
    if strength == 0 or count == 0:
        if kept is not None:
            kept += [Correction.none() for _ in range(count)]
        return result
    check = check or _go_on

    def seen(done: int) -> None:
        if progress is not None:
            progress(count * done // len(subjects), 2 * count)

    views = View.of(model, image, mask, reference_mask, subjects, batch_size, check, mirrored, linear, seen)
    changes = changes_of(views, subjects, image, mask, adjustment, linear=linear, shared=shared)
    for n in range(count):
        asked = [place for place, subject in enumerate(subjects) if subject.row == n]
        if bool(views.usable[asked].any()):
            maps, box, places = changes[asked[0]], subjects[asked[0]].box, subjects[asked[0]].places
            if places is not None:
                own = (image.shape[2], image.shape[3])
                maps, box = combined([changes[p] for p in asked], [subjects[p].box for p in asked], places, own)
            apply_maps(result[n], image[n], mask[n], maps, box, strength, check, linear=linear)
            if kept is not None:
                kept.append(Correction.of(image[n], result[n], mask[n], maps, box, strength, linear=linear))
        elif kept is not None:
            kept.append(Correction.none())
        if progress is not None:
            progress(count + n + 1, 2 * count)
    return result


def _go_on() -> None:
    """Never cancels."""
