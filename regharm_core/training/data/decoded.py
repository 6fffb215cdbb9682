"""Decoded photographs as a file, for machines where decoding them again would cost more than reading them."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
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


def load_decoded(path: Path, side: int) -> tuple[Tensor, Tensor]:
    """Images N 3 side side and labels N 1 side side, uint8, of a file that :func:`save_decoded` wrote.

    Raises:
        InputError: when it cannot be read or holds something else.
    """
    try:
        tensors = load_file(path)
        images, labels = tensors["images"], tensors["labels"]
    except (OSError, SafetensorError, KeyError) as error:
        raise InputError(f"{path} holds no decoded photographs: {error}") from None
    count, square = len(images), (side, side)
    fits = images.shape == (count, 3, *square) and labels.shape == (count, 1, *square)
    if not count or not fits or images.dtype != torch.uint8 or labels.dtype != torch.uint8:
        found = f"{tuple(images.shape)} and {tuple(labels.shape)}, {images.dtype} and {labels.dtype}"
        raise InputError(f"{path} holds {found}; photographs of {side} px with their regions were expected, uint8")
    return images, labels
