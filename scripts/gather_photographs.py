"""Photographs of whole repositories as compact tar files for training, without regions.

usage: python -m scripts.gather_photographs OUT LIST [--name more] [--side 208] [--quality 64] [--part-mib 5.6]
                                            [--without FOLDER ...] [--share 0/2]

LIST is a text file with a line a source: a git repository (with or without a work tree) or a folder, a tab, a regular
expression for the paths inside that are wanted (upper and lower case are the same), and, if not all are wanted, a tab
and the most that are taken. What is small, very long, grey, flat, a drawing, a product on white, the same file twice in
a source, or looks like a picture of --without, is left out. OUT gets NAME-000.tar, NAME-001.tar, ... whose label maps
are empty: scripts/decode_parts.py finds the regions where there are more cores or a GPU. Two processes, one with
--share 0/2 and one with 1/2 and other names, take half each; some 65 photographs a second a core.
"""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from scripts.pairs_in_tar import Parts
from scripts.usable import is_photograph, looks_like, signs, signs_of_all, small_picture

NOTHING = np.zeros((1, 1), np.uint8)  # a label map is made as large as its picture when it is read


@dataclass(frozen=True)
class Source:
    """One line of the list."""

    place: Path
    wanted: re.Pattern[str]
    most: int | None


def read_list(path: Path) -> list[Source]:
    """The sources of a list.

    Raises:
        SystemExit: on a line that is none.
    """
    sources = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        place, *rest = line.split("\t")
        try:
            most = int(rest[1]) if len(rest) > 1 else None
            sources.append(Source(Path(place), re.compile(rest[0], re.IGNORECASE), most))
        except (IndexError, ValueError, re.error) as error:
            raise SystemExit(
                f"{path}, line {number}: PLACE, a tab, EXPRESSION were expected, got {line!r} ({error})"
            ) from None
    return sources


def files(source: Source, share: tuple[int, int]) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of one share of what is wanted of a source, each content once, in an order that mixes folders."""
    place = source.place
    git = next((g for g in (place / ".git", place) if (g / "HEAD").is_file()), None)
    if git is None:
        paths = [path for path in sorted(place.rglob("*")) if path.is_file()]
        paths = [path for path in paths if source.wanted.search(path.relative_to(place).as_posix())]
        mixed = [paths[n] for n in np.random.default_rng(0).permutation(len(paths)).tolist()][: source.most]
        yield from ((str(path), path.read_bytes()) for path in mixed[share[0] :: share[1]])
        return
    command = ["git", f"--git-dir={git}"]
    listed = subprocess.run([*command, "ls-tree", "-r", "-z", "HEAD"], capture_output=True, check=True).stdout  # noqa: S603
    lines = (line.split("\t", 1) for line in listed.decode("utf-8", "replace").split("\0") if line)
    blobs = {head.split()[2]: path for head, path in lines if source.wanted.search(path)}
    chosen = sorted(blobs)[: source.most][share[0] :: share[1]]  # the order of hashes is a mixed one
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([*command, "cat-file", "--batch"], **pipes) as reader:  # noqa: S603 (git and our words)
        if reader.stdin is None or reader.stdout is None:
            raise RuntimeError("git has no pipes")
        for blob in chosen:
            reader.stdin.write(f"{blob}\n".encode())
            reader.stdin.flush()
            head = reader.stdout.readline().split()
            if len(head) == 3:  # else it is missing in this copy
                yield blobs[blob], reader.stdout.read(int(head[2]) + 1)[:-1]


def pictures(source: Source, share: tuple[int, int], side: int, unwanted: np.ndarray) -> Iterator[Image.Image]:
    """Usable pictures of a source, made small."""
    seen: set[bytes] = set()
    for name, data in files(source, share):
        try:
            picture = small_picture(io.BytesIO(data), side)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            sys.stderr.write(f"{source.place}: {name} cannot be read: {error}\n")
            continue
        if picture is None or not is_photograph(picture):
            continue
        known = signs(picture)
        if (key := np.packbits(known).tobytes()) not in seen and not looks_like(known, unwanted):
            seen.add(key)
            yield picture


def main(words: Sequence[str] | None = None) -> None:
    """Gather, and say how many of each source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("list", type=Path)
    parser.add_argument("--name", default="more")
    parser.add_argument("--side", type=int, default=208, help="px")
    parser.add_argument("--quality", type=int, default=64)
    parser.add_argument("--part-mib", type=float, default=5.6)
    parser.add_argument("--without", type=Path, nargs="*", default=[], help="folders of pictures to stay away from")
    parser.add_argument("--share", default="0/1", help="which share of how many, counted from 0")
    given = parser.parse_args(words)
    number, _, of = given.share.partition("/")
    if not (number.isdigit() and of.isdigit() and int(number) < int(of)):
        raise SystemExit(f"--share must be like 0/2 or 1/2, got {given.share!r}")
    unwanted = signs_of_all(given.without)
    given.out.mkdir(parents=True, exist_ok=True)
    parts = Parts(given.out, given.name, given.part_mib, given.quality)
    sources = read_list(given.list)
    for source in sources:
        if not source.place.exists():
            raise SystemExit(f"{given.list} names {source.place}, which is not there")
    for source in sources:
        before = parts.count
        for picture in pictures(source, (int(number), int(of)), given.side, unwanted):
            parts.add(picture, NOTHING)
        sys.stdout.write(f"{source.place}\t{parts.count - before}\n")
        sys.stdout.flush()
    parts.close()


if __name__ == "__main__":
    main()
