"""Decoded photographs come back as they were, alone or beside encoded ones; anything else is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from regharm_core import InputError
from regharm_core.training.data.decoded import save_decoded
from regharm_core.training.data.photographs import load_photographs


def test_decoded_and_encoded_photographs_are_the_same(photographs: Path, tmp_path: Path) -> None:
    read = load_photographs([photographs])
    path = tmp_path / "train.safetensors"
    save_decoded(read.images, read.labels, path)
    again, both = load_photographs([path]), load_photographs([path, photographs])
    assert torch.equal(again.images, read.images) and torch.equal(again.labels, read.labels)
    assert torch.equal(both.images, torch.cat([read.images] * 2)) and len(both) == 2 * len(read)


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.safetensors"
    with pytest.raises(InputError, match="train.safetensors"):
        load_photographs([path])
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="holds no decoded photographs"):
        load_photographs([path])
    for shape, other, kind in (
        ((2, 3, 64, 9), (2, 1, 64, 64), torch.uint8),
        ((2, 3, 64, 64), (2, 1, 64, 9), torch.uint8),
        ((2, 3, 64, 64), (2, 1, 64, 64), torch.float32),
        ((2, 3, 64), (2, 1, 64, 64), torch.uint8),
        ((0, 3, 64, 64), (0, 1, 64, 64), torch.uint8),
        ((), (), torch.uint8),
    ):
        save_decoded(torch.zeros(shape, dtype=kind), torch.zeros(other, dtype=torch.uint8), path)
        with pytest.raises(InputError, match=re.escape(str(shape or (0,)))):
            load_photographs([path])


def test_a_decoded_file_brings_its_own_size_and_others_must_have_it(photographs: Path, tmp_path: Path) -> None:
    small, large = tmp_path / "small.safetensors", tmp_path / "large.safetensors"
    read = load_photographs([photographs], side=96)
    save_decoded(read.images, read.labels, small)
    save_decoded(torch.zeros(1, 3, 97, 97).byte(), torch.zeros(1, 1, 97, 97).byte(), large)
    assert torch.equal(load_photographs([small, small]).images, torch.cat([read.images] * 2))
    assert len(load_photographs([small, photographs], side=96)) == 12
    for others in ([small, large], [small, photographs]):
        with pytest.raises(InputError, match="96"):
            load_photographs(others)
