"""``evaluate``: MSE, fMSE and PSNR on a folder of pairs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ..errors import InputError
from ..pipeline import default_weights, load_harmonizer
from ..store.files import replacing
from .device import add_device_option, chosen_device
from .lines import printable


def add_parser(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    """Declare the command."""
    parser = commands.add_parser("evaluate", help="measure on a folder with real/, composite/ and mask/")
    parser.add_argument("pairs", type=Path, metavar="PAIRS")
    parser.add_argument("--weights", type=Path, metavar="W", help=".safetensors file; default: the bundled one")
    parser.add_argument("--size", choices=("256", "full"), default="256", help="default: 256, as iHarmony4 does")
    parser.add_argument("--json", type=Path, metavar="F", help="also write every figure as JSON")
    add_device_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the means to stdout."""
    from ..training.measuring.evaluate import evaluate

    if options.json is not None and not options.json.parent.is_dir():
        raise InputError(f"cannot write {options.json}: there is no folder {options.json.parent}")
    if options.json is not None and options.json.is_dir():
        raise InputError(f"cannot write {options.json}: it is a folder")
    if options.json is not None:
        _refuse_overwriting(options.json, options.weights, options.pairs)
    model = load_harmonizer(options.weights, chosen_device(options.device))
    size = None if options.size == "full" else int(options.size)
    report = evaluate(model, options.pairs, size=size)
    if empty := report["empty"]:
        sys.stderr.write(f"note: {len(empty)} masks hold no foreground, such as that of {printable(empty[0])}\n")
    sys.stdout.write(f"{report['images']} images, size {report['size']}\n")
    sys.stdout.write(f"{'':<12}{'PSNR':>8}{'MSE':>10}{'fMSE':>10}\n")
    for name in ("composite", "harmonized"):
        row = report[name]
        sys.stdout.write(f"{name:<12}{row['psnr']:>8.2f}{row['mse']:>10.2f}{row['fmse']:>10.2f}\n")
    share = 100 * report["harmonized"]["fmse"] / max(report["composite"]["fmse"], 1e-9)
    sys.stdout.write(f"fMSE left: {share:.1f} % of the composite's\n")
    if options.json is not None:
        with replacing(options.json) as temporary:
            temporary.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def _refuse_overwriting(path: Path, weights: Path | None, pairs: Path) -> None:
    """Refuse figures that would take the place of the weights or of anything in the folder of pairs but figures.

    Raises:
        InputError: naming the file.
    """
    place = path.resolve()
    read = place == (weights or default_weights()).resolve()
    if read or (path.exists() and place.is_relative_to(pairs.resolve()) and path.suffix.lower() != ".json"):
        raise InputError(f"writing {path} would overwrite what is read; name another")
