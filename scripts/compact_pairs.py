"""Photographs with label maps made compact, in small tar files that travel to a lent GPU in a few calls.

usage: python -m scripts.compact_pairs OUT NAME TAR [TAR ...] [--side 208] [--quality 70] [--part-mib 5.6] [--skip N]

TAR are files as for training. OUT gets NAME-000.tar, NAME-001.tar, ... in their order, the short side reduced to --side
px; label maps keep their numbers. The first N photographs are left out: what is kept to measure on. One NAME for each
source lets ``REPEAT`` of scripts/gpu.sh show some more often. Some 100 photographs a second a core. Photographs without
label maps: scripts/gather_photographs.py.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from regharm_core.training.data.photographs import encoded_pairs, label_numbers
from scripts.pairs_in_tar import Parts


def compact(picture: Image.Image, labels: Image.Image, side: int) -> tuple[Image.Image, np.ndarray]:
    """Both with a short side of ``side`` px, or as they are where it is shorter."""
    ratio = side / min(picture.size)
    if ratio < 1:
        size = (max(side, round(picture.width * ratio)), max(side, round(picture.height * ratio)))
        picture = picture.resize(size, Image.Resampling.BICUBIC)
        labels = labels.resize(size, Image.Resampling.NEAREST)
    return picture, np.array(labels)


def pairs(paths: Sequence[Path]) -> Iterator[tuple[Image.Image, Image.Image]]:
    """Photographs and their label maps, one tar after the other."""
    for path in paths:
        for _, photograph, regions in encoded_pairs(path):
            yield Image.open(io.BytesIO(photograph)).convert("RGB"), label_numbers(Image.open(io.BytesIO(regions)))


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
    given.out.mkdir(parents=True, exist_ok=True)
    parts = Parts(given.out, given.name, given.part_mib, given.quality)
    for number, (picture, labels) in enumerate(pairs(given.tars)):
        if number >= given.skip:
            parts.add(*compact(picture, labels, given.side))
    parts.close()
    sys.stdout.write(f"{given.name}\t{parts.count}\n")


if __name__ == "__main__":
    main()
