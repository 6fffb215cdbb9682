"""Decoded photographs come back as they were, alone or beside encoded ones; anything else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from regharm_core import InputError
from regharm_core.training.data.decoded import save_decoded
from regharm_core.training.data.photographs import STORE_SIZE, load_photographs


def test_decoded_and_encoded_photographs_are_the_same(photographs: Path, tmp_path: Path) -> None:
    read = load_photographs([photographs])
    path = tmp_path / "train.safetensors"
    save_decoded(read.images, read.labels, path)
    again, both = load_photographs([path]), load_photographs([path, photographs])
    assert torch.equal(again.images, read.images) and torch.equal(again.labels, read.labels)
    assert torch.equal(both.images, torch.cat([read.images] * 2)) and len(both) == 2 * len(read)


@pytest.mark.parametrize("side", [STORE_SIZE - 1, STORE_SIZE])
def test_what_is_no_such_file_is_refused(side: int, tmp_path: Path) -> None:
    path = tmp_path / "train.safetensors"
    with pytest.raises(InputError, match="train.safetensors"):
        load_photographs([path])
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="holds no decoded photographs"):
        load_photographs([path])
    kind = torch.uint8 if side < STORE_SIZE else torch.float32  # wrong in one or the other
    save_decoded(torch.zeros(2, 3, side, side, dtype=kind), torch.zeros(2, 1, side, side, dtype=torch.uint8), path)
    with pytest.raises(InputError, match=str(side)):
        load_photographs([path])
