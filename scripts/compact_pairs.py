"""Photographs with label maps made compact, in small tar files that travel to a lent GPU in a few calls.

usage: python -m scripts.compact_pairs OUT NAME TAR [TAR ...] [--side 208] [--quality 70] [--part-mib 5.6] [--skip N]

TAR are files as for training. OUT gets NAME-000.tar, NAME-001.tar, ... in their order, the short side reduced to --side
px; label maps keep their numbers. The first N photographs are left out: what is kept to measure on. One NAME for each
source lets ``REPEAT`` of scripts/gpu.sh show some more often. Photographs without label maps:
scripts/gather_photographs.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path

import numpy as np

from regharm_core.errors import RegHarmError
from regharm_core.training.data.photographs import decode_pair, encoded_pairs
from scripts.pairs_in_tar import Parts


def compact(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height with a short side of ``side`` px, or as they are where it is shorter."""
    ratio = side / min(size)
    return size if ratio >= 1 else (max(side, round(size[0] * ratio)), max(side, round(size[1] * ratio)))


def main(words: Sequence[str] | None = None) -> None:
    """Write the parts, and say how many photographs they hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("name")
    parser.add_argument("tars", type=Path, nargs="+")
    parser.add_argument("--side", type=int, default=208, help="px")
    parser.add_argument("--quality", type=int, default=70)
    parser.add_argument("--part-mib", type=float, default=5.6)
    parser.add_argument("--skip", type=int, default=0, help="photographs at the beginning that are left out")
    given = parser.parse_args(words)
    if given.side < 1 or given.skip < 0 or not given.part_mib > 0:
        got = f"{given.side}, {given.part_mib} and {given.skip}"
        parser.error(f"--side and --part-mib must be positive, --skip 0 or more, got {got}")
    for tar in given.tars:
        if tar.resolve().parent == given.out.resolve() and tar.name.startswith(f"{given.name}-"):
            parser.error(f"writing {given.name}-... into {given.out} would overwrite {tar}; choose another name")
    given.out.mkdir(parents=True, exist_ok=True)
    parts = Parts(given.out, given.name, given.part_mib, given.quality)
    stored = chain.from_iterable(encoded_pairs(path) for path in given.tars)
    try:
        for pair in islice(stored, given.skip, None):
            picture, labels = decode_pair(*pair, partial(compact, side=given.side))
            parts.add(picture, np.array(labels))
        parts.close()
    except RegHarmError as error:
        raise SystemExit(f"error: {error}") from None
    sys.stdout.write(f"{given.name}\t{parts.count}\n")


if __name__ == "__main__":
    main()
