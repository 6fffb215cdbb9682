"""Decode tar files of photographs as they arrive in a folder, and find regions where their label maps are empty.

usage: python -m scripts.decode_parts FOLDER [--side 224] [--salience FILE [--surfaces 0.3]] [--wait 60]

FOLDER/X.tar becomes FOLDER/X.safetensors, whole or not at all. Any number of processes may share a folder: each takes
a tar that no other holds, and ends when none has come for --wait seconds. Regions are found with what
``scripts.add_regions --save FILE`` learned, on a GPU where there is one; without --salience a photograph without
regions stays so. With --surfaces such a share of them, and all in which no object is found, also get regions of what is
alike to the eye, such as walls and hills (scripts/surfaces.py). Eight processes on a machine with an H100: some 1,500
photographs a second beside a training, without surfaces.
"""

from __future__ import annotations

import argparse
import fcntl
import math
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from regharm_core.errors import InputError
from regharm_core.network.eye import EfficientNetLite0
from regharm_core.training.data.decoded import save_decoded
from regharm_core.training.data.photographs import Photographs, load_photographs
from scripts.salience import Salience, find_regions, load_salience, open_eye
from scripts.surfaces import add_surfaces, find_surfaces

AT_ONCE = 64  # pictures
PAUSE = 0.3  # seconds between two looks into the folder


@dataclass(frozen=True)
class Finder:
    """What regions are found with, and the share of photographs that get surfaces beside their objects."""

    eye: EfficientNetLite0
    salience: Salience
    surfaces: float = 0.0


def add_regions(photographs: Photographs, finder: Finder) -> None:
    """Fill, in place, the label maps that are empty."""
    eye, salience, share = finder.eye, finder.salience, finder.surfaces
    device = next(salience.parameters()).device
    empty = (photographs.labels.flatten(1).amax(1) == 0).nonzero()[:, 0]
    for start in range(0, len(empty), AT_ONCE):
        rows = empty[start : start + AT_ONCE]
        pictures = photographs.images[rows].to(device).float() / 255
        found = list(find_regions(eye, salience, pictures))
        numbers = range(start, start + len(found))
        wanted = [n for n, one in zip(numbers, found, strict=True) if _due(n, share) or (share and not one.any())]
        kinds = find_surfaces(eye, pictures[[n - start for n in wanted]]).cpu().numpy() if wanted else []
        for n, kind in zip(wanted, kinds, strict=True):
            found[n - start] = add_surfaces(found[n - start], kind)
        for row, one in zip(rows.tolist(), found, strict=True):
            photographs.labels[row, 0] = torch.from_numpy(one)


def _due(number: int, share: float) -> bool:
    """True for such a share of all numbers, evenly spread."""
    return math.floor((number + 1) * share) > math.floor(number * share)


def decode(part: Path, side: int, finder: Finder | None) -> None:
    """Write a tar's photographs beside it, decoded."""
    photographs = load_photographs([part], side=side, workers=1)
    if finder is not None:
        add_regions(photographs, finder)
    save_decoded(photographs.images, photographs.labels, part.with_suffix(".safetensors"))
    regions = int((photographs.labels.flatten(1).amax(1) > 0).sum())
    sys.stdout.write(f"{part.name}: {len(photographs)} photographs, {regions} with regions\n")
    sys.stdout.flush()


def take_one(folder: Path, side: int, finder: Finder | None, refused: set[Path]) -> bool:
    """Decode one tar that nobody else holds; False where there is none. A tar that cannot be read is ``refused``."""
    parts = [p for p in folder.glob("*.tar") if p not in refused and not p.with_suffix(".safetensors").exists()]
    random.shuffle(parts)
    for part in parts:
        with part.open("rb") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # falls open when its process ends, however it ends
            except OSError:
                continue
            if part.with_suffix(".safetensors").exists():
                continue
            try:
                decode(part, side, finder)
            except InputError as error:
                sys.stderr.write(f"{error}\n")
                refused.add(part)
            return True
    return False


def main(words: Sequence[str] | None = None) -> None:
    """Take tars until none has come for a while."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=224, help="px at which photographs are kept")
    parser.add_argument("--salience", type=Path, help="what scripts.add_regions --save has written")
    parser.add_argument("--surfaces", type=float, default=0.0, metavar="SHARE", help="0 to 1")
    parser.add_argument("--wait", type=float, default=60, help="seconds")
    given = parser.parse_args(words)
    if not 0 <= given.surfaces <= 1 or (given.surfaces and not given.salience):
        parser.error(f"--surfaces is a share of 0 to 1 and needs --salience, got {given.surfaces}")
    if not given.folder.is_dir():
        parser.error(f"there is no folder {given.folder}")
    torch.set_num_threads(1)
    finder = None
    if given.salience:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        finder = Finder(open_eye().to(device), load_salience(given.salience).to(device), given.surfaces)
    last, refused = time.monotonic(), set[Path]()
    while True:
        if take_one(given.folder, given.side, finder, refused):
            last = time.monotonic()
        elif time.monotonic() - last >= given.wait:
            break
        else:
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()
