"""Regions for photographs that have none: a tar of ID.webp and ID.png for training, from folders of pictures.

usage: python -m scripts.add_regions OUT.tar FOLDER [FOLDER ...] --learn TAR [TAR ...] [--side 192] [--quality 62]
                                     [--save FILE] [--without FOLDER ...]

A few layers on the eye's features learn where the object is from the photographs of --learn, which have masks (DUTS,
say: one object each); three minutes on two cores. --save keeps what was learned, for scripts/decode_parts.py. Grey,
flat, very long and small pictures are left out, and with --without those that look like a picture there (the pairs that
are chosen on, say). From whole repositories, faster: scripts/gather_photographs.py.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from scripts.pairs_in_tar import add_pair
from scripts.salience import find_regions, learn, open_eye, save_salience
from scripts.usable import KINDS, is_photograph, looks_like, signs, signs_of_all, small_picture


def pictures(folders: Sequence[Path], side: int, unwanted: np.ndarray) -> Iterator[Image.Image]:
    """Usable pictures of the folders in random order, their short side reduced to ``side`` px."""
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in KINDS)
    for number in np.random.default_rng(0).permutation(len(files)).tolist():
        try:
            picture = small_picture(files[number], side)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            sys.stderr.write(f"{files[number]} cannot be read: {error}\n")
            continue
        if picture is not None and is_photograph(picture) and not looks_like(signs(picture), unwanted):
            yield picture


def main() -> None:
    """Learn, look and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--learn", type=Path, nargs="+", required=True, help="photographs with masks")
    parser.add_argument("--without", type=Path, nargs="*", default=[], help="folders of pictures to stay away from")
    parser.add_argument("--side", type=int, default=192, help="px")
    parser.add_argument("--quality", type=int, default=62)
    parser.add_argument("--save", type=Path, help="file for what was learned")
    given = parser.parse_args()
    torch.manual_seed(0)
    eye = open_eye()
    salience = learn(eye, given.learn)
    if given.save:
        save_salience(salience, given.save)
    unwanted = signs_of_all(given.without)
    with tarfile.open(given.out, "w") as archive:
        for number, picture in enumerate(pictures(given.folders, given.side, unwanted)):
            pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
            add_pair(archive, number, picture, next(find_regions(eye, salience, pixels)), given.quality)


if __name__ == "__main__":
    main()
