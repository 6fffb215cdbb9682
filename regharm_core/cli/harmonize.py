"""``harmonize``: one picture, several, or a folder of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import Tensor

from ..errors import InputError, RegHarmError
from ..media.masks import fit_mask, read_mask
from ..media.picture import Picture
from ..media.reading import read_picture
from ..media.writing import check_output, write_picture
from ..network.face import Harmonizer
from ..picture.heatmap import attention_map
from ..picture.inputs import LARGEST, SMALLEST
from ..picture.light import LINEAR, SRGB
from ..picture.painted import overlay
from ..picture.subjects import DEFAULT_CONTEXT
from ..pipeline import APART, TOGETHER, Clip, harmonize, load_harmonizer
from .device import add_device_option, chosen_device
from .jobs import Job, Jobs, plan, refuse_collisions
from .lines import complaint, printable
from .odd_masks import odd_masks


def add_parser(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    """Declare the command."""
    parser = commands.add_parser(
        "harmonize",
        help="match pasted foregrounds to their surroundings",
        usage="%(prog)s COMPOSITE [COMPOSITE ...] MASK -o OUT [options]",
        description="Several composites, or a folder of them, take one mask for all or a folder of masks with the "
        "same stems; OUT (and HEAT) is then a folder.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", type=Path, help="composites, then the mask (white = paste)")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="picture, or folder")
    parser.add_argument("--weights", type=Path, metavar="W", help=".safetensors file; default: the bundled one")
    parser.add_argument("--strength", type=float, default=1.0, metavar="S", help="0 (input) to 2; default 1")
    parser.add_argument(
        "--context",
        type=float,
        default=DEFAULT_CONTEXT,
        metavar="C",
        help=f"show the network the pasted object's box times about C (default {DEFAULT_CONTEXT}; the bundled one "
        "looks twice, at C / 1.25 and C x 1.25; a large C: everything)",
    )
    parser.add_argument("--reference", type=Path, metavar="MASK", help="the background that may be consulted (white)")
    clip = parser.add_mutually_exclusive_group()
    clip.add_argument("--shared", action="store_true", help="the composites are frames of a clip: one change for all")
    clip.add_argument("--steady", action="store_true", help="the same, but a change that is smoothed over time")
    parser.add_argument("--together", action="store_true", help="one change for all objects in a mask")
    parser.add_argument(
        "--linear",
        action=argparse.BooleanOptionalAction,
        help="the composites are scene-linear light; by itself for floating point formats",
    )
    parser.add_argument("--attention", type=Path, metavar="HEAT", help="also write what the foreground looked at")
    add_device_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Harmonize every composite; those that fail are named on stderr, and the others are still done."""
    if len(options.paths) < 2:
        raise InputError(f"give at least one composite and a mask, got only {options.paths[0]}")
    *given, mask = options.paths
    asked = plan(given, mask, options.output, options.attention)
    refuse_collisions(asked.jobs, options.reference)
    if not 0 <= options.strength <= 2:
        raise InputError(f"--strength must be from 0 to 2, got {options.strength}")
    model = load_harmonizer(options.weights, chosen_device(options.device))
    for folder in asked.folders:
        folder.mkdir(parents=True, exist_ok=True)
    for line in asked.skipped:
        sys.stderr.write(f"error: {printable(line)}\n")
    passes: list[Callable[[int, Job], None]] = [partial(_one, model, options, None)]
    if options.shared or options.steady:
        clip = Clip(model, steady=options.steady, strength=options.strength, context=options.context)
        passes = [partial(_look, clip, options), partial(_one, model, options, clip)]
    jobs, total, made, failed = asked.jobs, len(passes) * len(asked.jobs), 0, 0
    try:
        for turn, work in enumerate(passes):
            left: list[Job] = []
            for done, job in enumerate(jobs):  # what the first pass failed at is no frame of the clip
                try:
                    work(done, job)
                    left.append(job)
                    made += turn == len(passes) - 1  # the last pass writes
                except (RegHarmError, OSError) as error:
                    if not asked.folders:
                        raise
                    failed += 1
                    _clear_progress()
                    sys.stderr.write(complaint(error))
                _show_progress(turn * len(asked.jobs) + done + 1, total)
            jobs = left
    finally:  # also where it is interrupted
        if asked.folders:
            _close(asked, made, failed)
    return 2 if failed or asked.skipped else 0


def _look(clip: Clip, options: argparse.Namespace, frame: int, job: Job) -> None:
    """Show a clip its next frame, number ``frame``."""
    picture, _, weight, reference = _read(job, options)
    clip.look(picture.pixels, weight, reference, LINEAR if picture.linear else SRGB)


def _read(job: Job, options: argparse.Namespace) -> tuple[Picture, Tensor, Tensor, Tensor | None]:
    """A picture, its mask as drawn and in the picture's size, and the background that may be consulted."""
    picture = read_picture(job.composite, sides=(SMALLEST, LARGEST))
    if options.linear is not None:
        raster = picture.raster and replace(picture.raster, linear=options.linear)
        picture = replace(picture, linear=options.linear, raster=raster)
    check_output(job.output, picture)
    size = (picture.pixels.shape[2], picture.pixels.shape[3])
    drawn = read_mask(job.mask)
    weight = fit_mask(job.mask, drawn, size)
    return picture, drawn, weight, None if options.reference is None else read_mask(options.reference, size)


def _one(model: Harmonizer, options: argparse.Namespace, clip: Clip | None, frame: int, job: Job) -> None:
    """Write one result; ``frame`` is its number in the clip."""
    picture, drawn, weight, reference = _read(job, options)
    seen = Picture(picture.display, None, 8)
    if job.heat is not None:
        check_output(job.heat, seen)
    for line in picture.notes:
        _note(line)
    for line in odd_masks(job.mask, job.composite, drawn, weight, reference, model.config):
        _note(line)
    encoding = LINEAR if picture.linear else SRGB
    if clip is not None:
        answer = clip.change(frame, picture.pixels, weight, encoding)
    else:
        answer = harmonize(
            model,
            picture.pixels,
            weight,
            reference_mask=reference,
            strength=options.strength,
            context=options.context,
            objects=TOGETHER if options.together else APART,
            encoding=encoding,
        )
    if job.heat is not None:
        looked_at = attention_map(model, seen.pixels, weight, reference_mask=reference, context=options.context)
        write_picture(job.heat, overlay(seen.pixels, looked_at, mask=weight), seen, source=job.composite)
    write_picture(job.output, answer, picture, source=job.composite)


def _note(line: str) -> None:
    """Something to know of a picture that was made all the same."""
    _clear_progress()
    sys.stderr.write(f"note: {printable(line)}\n")


def _close(asked: Jobs, made: int, failed: int) -> None:
    """The last line: how many were made, and what became of the others."""
    rest = len(asked.jobs) - made - failed
    skipped = [
        (len(asked.skipped), "without exactly one mask"),
        (failed, "that could not be done"),
        (rest, "left undone"),
    ]
    parts = [f"{count} {why}" for count, why in skipped if count]
    left = f"; skipped: {', '.join(parts)}" if parts else ""
    alone = f"; {asked.alone} other file{'s' if asked.alone > 1 else ''} left alone" if asked.alone else ""
    _clear_progress()
    sys.stderr.write(f"{made}/{len(asked.jobs) + len(asked.skipped)} done{left}{alone}\n")


def _show_progress(done: int, total: int) -> None:
    """A bar that redraws itself, on a terminal only."""
    if total > 1 and sys.stderr.isatty():
        filled = "#" * (30 * done // total)
        sys.stderr.write(f"[{filled:<30}] {done}/{total}\r")
        sys.stderr.flush()


def _clear_progress() -> None:
    """So that a message does not begin in the middle of the bar."""
    if sys.stderr.isatty():
        sys.stderr.write(" " * 50 + "\r")
