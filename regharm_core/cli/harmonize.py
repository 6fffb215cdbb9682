"""``harmonize``: one picture, several, or a folder of them."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

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
from ..picture.view import DEFAULT_CONTEXT
from ..pipeline import APART, TOGETHER, harmonize, load_harmonizer
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
        help=f"show the network the pasted object's box times C (default {DEFAULT_CONTEXT}; a large C: everything)",
    )
    parser.add_argument("--reference", type=Path, metavar="MASK", help="the background that may be consulted (white)")
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
    made, failed = 0, 0
    try:
        for job in asked.jobs:
            try:
                _one(model, job, options)
                made += 1
            except (RegHarmError, OSError) as error:
                if not asked.folders:
                    raise
                failed += 1
                _clear_progress()
                sys.stderr.write(complaint(error))
            _show_progress(made + failed, len(asked.jobs))
    finally:  # also where it is interrupted
        if asked.folders:
            _close(asked, made, failed)
    return 2 if failed or asked.skipped else 0


def _one(model: Harmonizer, job: Job, options: argparse.Namespace) -> None:
    picture = read_picture(job.composite, sides=(SMALLEST, LARGEST))
    if options.linear is not None:
        picture = replace(picture, linear=options.linear)
    seen = Picture(picture.display, None, 8)
    check_output(job.output, picture)
    if job.heat is not None:
        check_output(job.heat, seen)
    size = (picture.pixels.shape[2], picture.pixels.shape[3])
    drawn = read_mask(job.mask)
    weight = fit_mask(job.mask, drawn, size)
    reference = None if options.reference is None else read_mask(options.reference, size)
    for line in picture.notes:
        _note(line)
    for line in odd_masks(job.mask, job.composite, drawn, weight, reference, model.config.view):
        _note(line)
    strength, context = options.strength, options.context
    answer = harmonize(
        model,
        picture.pixels,
        weight,
        reference_mask=reference,
        strength=strength,
        context=context,
        objects=TOGETHER if options.together else APART,
        encoding=LINEAR if picture.linear else SRGB,
    )
    if job.heat is not None:
        looked_at = attention_map(model, seen.pixels, weight, reference_mask=reference, context=context)
        write_picture(job.heat, overlay(seen.pixels, looked_at, mask=weight), seen, source=job.composite)
    write_picture(job.output, answer, picture, source=job.composite)


def _note(line: str) -> None:
    """Something to know of a picture that was made all the same."""
    _clear_progress()
    sys.stderr.write(f"note: {printable(line)}\n")


def _close(asked: Jobs, made: int, failed: int) -> None:
    """The last line: how many were made, and what became of the others."""
    rest = len(asked.jobs) - made - failed
    skipped = [(len(asked.skipped), "without a mask"), (failed, "that could not be done"), (rest, "left undone")]
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
