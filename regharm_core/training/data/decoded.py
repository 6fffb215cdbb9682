"""Decoded photographs as a file, for machines where decoding them again would cost more than reading them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from ...errors import InputError
from ...store.files import write_tensors

SUFFIX = ".safetensors"


def save_decoded(images: Tensor, labels: Tensor, path: Path) -> None:
    """Write images N 3 S S and labels N 1 S S, uint8 both, whole or not at all.

    Raises:
        OSError: when it cannot be written.
    """
    write_tensors(path, {"images": images, "labels": labels}, {})


def load_decoded(paths: Sequence[Path], side: int | None = None) -> tuple[Tensor, Tensor]:
    """Images N 3 S S and labels N 1 S S, uint8, of files that :func:`save_decoded` wrote, one after the other.

    Memory holds them once, and one file beside them.

    Args:
        paths: the files, one at least.
        side: S, px; that of the first file where None.

    Raises:
        InputError: when one cannot be read or holds something else, or photographs of another size.
    """
    counts = []
    for path in paths:
        count, side = _measure(path, side)
        counts.append(count)
    side = side or 0
    images = torch.empty(sum(counts), 3, side, side, dtype=torch.uint8)
    labels = torch.empty(sum(counts), 1, side, side, dtype=torch.uint8)
    done = 0
    for path, count in zip(paths, counts, strict=True):
        tensors = load_file(path)
        images[done : done + count] = tensors["images"]
        labels[done : done + count] = tensors["labels"]
        done += count
    return images, labels


def _measure(path: Path, side: int | None) -> tuple[int, int]:
    """How many photographs a file holds, and of which size."""
    try:
        with safe_open(path, "pt") as file:
            images, labels = file.get_slice("images"), file.get_slice("labels")
            shape, other = tuple(images.get_shape()) or (0,), tuple(labels.get_shape())
            kinds = images.get_dtype(), labels.get_dtype()
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} holds no decoded photographs: {error}") from None
    wanted = side or shape[-1]
    fits = len(shape) == 4 and shape == (shape[0], 3, wanted, wanted) and other == (shape[0], 1, wanted, wanted)
    if not shape[0] or not fits or kinds != ("U8", "U8"):
        found = f"{shape} and {other}, {kinds[0]} and {kinds[1]}"
        raise InputError(f"{path} holds {found}; photographs of {wanted} px with their regions were expected, U8")
    return shape[0], wanted
