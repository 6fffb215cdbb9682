"""Photographs with region maps, decoded once and kept in memory as bytes."""

from __future__ import annotations

import io
import lzma
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ...errors import InputError
from ...media.facts import forget_broken_exif
from .decoded import SUFFIX, load_decoded

STORE_SIZE = 288  # px a side; pictures are squeezed to squares as the paper squeezes them to 256


@dataclass(frozen=True)
class Photographs:
    """A set of photographs in memory.

    Attributes:
        images: N 3 S S uint8.
        labels: N 1 S S uint8; 0 = no region, 1.. = candidate foreground regions.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return self.images.shape[0]

    def to(self, device: torch.device) -> Photographs:
        """The same set on another device."""
        return Photographs(self.images.to(device), self.labels.to(device))


def load_photographs(
    paths: Sequence[Path], *, limit: int | None = None, workers: int | None = None, side: int = STORE_SIZE
) -> Photographs:
    """Read tar files (or folders) of ``ID.webp`` / ``ID.png`` pairs: picture and 8-bit label map.

    A path that ends in .safetensors was written by :func:`.decoded.save_decoded`; the limit does not count there.

    Args:
        paths: the files and folders; photographs of decoded files come first.
        limit: so many photographs at most of those that are encoded.
        workers: threads that decode; one a processor where None.
        side: px a side of what is decoded here; where decoded files come with it they must have the same.

    Raises:
        InputError: when a path does not exist, cannot be read, or holds no pair, or sizes differ.
    """
    ready = [path for path in paths if path.suffix == SUFFIX]
    encoded = [path for path in paths if path.suffix != SUFFIX]
    if ready and not encoded:
        return Photographs(*load_decoded(ready))
    made = _decode(encoded, limit, workers, side)
    if not ready:
        return made
    images, labels = load_decoded(ready, made.images.shape[-1])
    return Photographs(torch.cat([images, made.images]), torch.cat([labels, made.labels]))


def _decode(paths: Sequence[Path], limit: int | None, workers: int | None, side: int) -> Photographs:
    pairs: list[tuple[str, bytes, bytes]] = []
    for path in paths:
        try:
            for pair in encoded_pairs(path):
                pairs.append(pair)
                if limit is not None and len(pairs) >= limit:
                    break
        except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise InputError(f"{path} is no tar file of photographs: {error}") from None
    if not pairs:
        raise InputError(f"no pairs of ID.webp and ID.png, and no iHarmony4, in {[str(p) for p in paths]}")
    images = torch.empty(len(pairs), 3, side, side, dtype=torch.uint8)
    labels = torch.empty(len(pairs), 1, side, side, dtype=torch.uint8)

    def decode(n: int) -> None:
        picture, regions = decode_pair(*pairs[n], lambda _: (side, side))
        images[n] = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
        labels[n, 0] = torch.from_numpy(np.array(regions))

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        list(pool.map(decode, range(len(pairs))))
    return Photographs(images, labels)


def decode_pair(
    name: str, photograph: bytes, regions: bytes, fit: Callable[[tuple[int, int]], tuple[int, int]]
) -> tuple[Image.Image, Image.Image]:
    """A photograph, RGB, and its label map, L: both upright and resized.

    Args:
        name: for the message.
        photograph, regions: encoded, as :func:`encoded_pairs` gives them.
        fit: width and height of the photograph -> of both answers.

    Raises:
        InputError: when one cannot be read.
    """
    try:
        opened = Image.open(io.BytesIO(photograph))
        forget_broken_exif(opened)
        picture = ImageOps.exif_transpose(opened).convert("RGB")
        size = fit(picture.size)
        labels = _numbers(Image.open(io.BytesIO(regions))).resize(size, Image.Resampling.NEAREST)
        return picture.resize(size, Image.Resampling.BICUBIC), labels
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"the photograph {name} or its regions cannot be read: {error}") from None


def _numbers(regions: Image.Image) -> Image.Image:
    """A label map's numbers as 8-bit grey, upright: of a palette they are the places in it, not the colours."""
    regions = ImageOps.exif_transpose(regions)
    if regions.mode == "P":
        return Image.fromarray(np.asarray(regions).astype(np.uint8))
    if regions.mode.startswith("I"):
        values = np.asarray(regions)
        if int(values.max()) > 255:
            raise ValueError(f"its largest label is {values.max()}; at most 255 are understood")
        return Image.fromarray(values.astype(np.uint8))
    return regions.convert("L")


def encoded_pairs(path: Path) -> Iterator[tuple[str, bytes, bytes]]:
    """(name, picture, label map), the last two as encoded bytes, in the order of the names."""
    if path.is_dir():
        for picture in sorted(path.glob("*.webp")):
            if (regions := picture.with_suffix(".png")).exists() and not picture.name.startswith("."):
                yield str(picture), picture.read_bytes(), regions.read_bytes()
        return
    if not path.is_file():
        raise InputError(f"no such file or folder of photographs: {path}")
    with tarfile.open(path) as archive:
        members = {m.name: m for m in archive.getmembers() if m.isfile()}
        for name in sorted(members):
            other = name.removesuffix(".webp") + ".png"
            hidden = name.rpartition("/")[2].startswith(".")  # what macOS puts beside each file
            if name.endswith(".webp") and other in members and not hidden:
                picture, regions = archive.extractfile(members[name]), archive.extractfile(members[other])
                if picture and regions:
                    yield f"{path}:{name}", picture.read(), regions.read()
