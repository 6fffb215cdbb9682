"""``harmonize``: one picture, several, or a folder of them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import InputError, RegHarmError
from ..network.face import Harmonizer
from ..picture.heatmap import attention_map, overlay
from ..picture.view import DEFAULT_CONTEXT
from ..pipeline import harmonize, load_harmonizer
from .device import add_device_option, chosen_device
from .images import SUFFIXES, Picture, check_output, read_mask, read_picture, write_picture
from .lines import complaint

Job = tuple[Path, Path, Path, Path | None]  # composite, mask, output, heat


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
    parser.add_argument("--attention", type=Path, metavar="HEAT", help="also write what the foreground looked at")
    add_device_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Harmonize every composite; those that fail are named on stderr, and the others are still done."""
    if len(options.paths) < 2:
        raise InputError(f"give at least one composite and a mask, got only {options.paths[0]}")
    *given, mask = options.paths
    jobs, folders = _jobs(given, mask, options.output, options.attention)
    _refuse_collisions(jobs, options.reference)
    if not 0 <= options.strength <= 2:
        raise InputError(f"--strength must be from 0 to 2, got {options.strength}")
    model = load_harmonizer(options.weights, chosen_device(options.device))
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for done, (composite, mask, output, heat) in enumerate(jobs):
        try:
            _one(model, composite, mask, output, heat, options)
        except (RegHarmError, OSError) as error:
            if len(jobs) == 1:
                raise
            failed += 1
            _clear_progress()
            sys.stderr.write(complaint(error))
        _show_progress(done + 1, len(jobs))
    return 2 if failed else 0


def _one(
    model: Harmonizer, composite: Path, mask: Path, output: Path, heat: Path | None, options: argparse.Namespace
) -> None:
    picture = read_picture(composite)
    check_output(output, picture)
    if heat is not None:
        check_output(heat, Picture(picture.pixels, None, 8))
    size = (picture.pixels.shape[2], picture.pixels.shape[3])
    weight = read_mask(mask, size)
    reference = None if options.reference is None else read_mask(options.reference, size)
    strength, context = options.strength, options.context
    answer = harmonize(model, picture.pixels, weight, reference_mask=reference, strength=strength, context=context)
    if heat is not None:
        looked_at = attention_map(model, picture.pixels, weight, reference_mask=reference, context=context)
        write_picture(heat, overlay(picture.pixels, looked_at), Picture(picture.pixels, None, 8))
    write_picture(output, answer, picture)


def _jobs(given: list[Path], mask: Path, output: Path, heat: Path | None) -> tuple[list[Job], list[Path]]:
    """Each picture to be made, and the folders to be made for them; nothing is written yet."""
    composites: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = _pictures_in(path)
            if not inside:
                raise InputError(f"the folder {path} holds no pictures ({' '.join(SUFFIXES)})")
            composites += inside
        else:
            composites.append(path)
    single = len(given) == 1 and not given[0].is_dir()
    if single and not output.is_dir():
        return [(composites[0], _mask_for(composites[0], mask), output, heat)], []
    folders = [output] if heat is None else [output, heat]
    for folder in folders:
        if (folder.suffix.lower() in SUFFIXES and not folder.is_dir()) or folder.is_file():
            raise InputError(f"several composites are written into a folder, got the file name {folder}")
    names = [c.name for c in composites]
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        raise InputError(f"several composites are called {repeated[0]}; they would overwrite each other in {output}")
    masks = [_mask_for(c, mask) for c in composites]
    if any((output / c.name).resolve() == c.resolve() for c in composites):
        raise InputError(f"the output folder {output} is the composites' own; name another")
    return [
        (c, m, output / c.name, None if heat is None else heat / f"{c.stem}.png")
        for c, m in zip(composites, masks, strict=True)
    ], folders


def _mask_for(composite: Path, mask: Path) -> Path:
    if not mask.is_dir():
        return mask
    found = [p for p in _pictures_in(mask) if p.stem == composite.stem]
    if not found:
        raise InputError(f"the folder {mask} holds no mask for {composite.name} (wanted {composite.stem}.*)")
    if len(found) > 1:
        names = " and ".join(p.name for p in found)
        raise InputError(f"the folder {mask} holds several masks for {composite.name}: {names}")
    return found[0]


def _pictures_in(folder: Path) -> list[Path]:
    """In the order of their names, without those that begin with a dot (the system's, or left by a killed run)."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))


def _refuse_collisions(jobs: list[Job], reference: Path | None) -> None:
    """No result may overwrite another, or a file that is read; only a single picture may go back to its own file."""
    read = {path.resolve() for job in jobs for path in job[:2]} | ({reference.resolve()} if reference else set())
    written: set[Path] = set()
    for composite, _, output, heat in jobs:
        for path in (output, heat):
            if path is None:
                continue
            place, in_place = (
                path.resolve(),
                len(jobs) == 1 and path is output and path.resolve() == composite.resolve(),
            )
            if place in read and not in_place:
                raise InputError(f"writing {path} would overwrite a picture that is read; name another")
            if place in written:
                raise InputError(f"two results would be written to {path}; name another")
            written.add(place)


def _show_progress(done: int, total: int) -> None:
    """A bar that redraws itself on a terminal; elsewhere its last state only."""
    if total > 1 and (done == total or sys.stderr.isatty()):
        filled = "#" * (30 * done // total)
        end = "\n" if done == total else "\r"
        sys.stderr.write(f"[{filled:<30}] {done}/{total}{end}")
        sys.stderr.flush()


def _clear_progress() -> None:
    """So that a message does not begin in the middle of the bar."""
    if sys.stderr.isatty():
        sys.stderr.write(" " * 50 + "\r")
