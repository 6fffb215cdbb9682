"""The speed benchmark's adapters to other people's code: found by path, called with bytes, refused clearly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.helpers.methods import rival

ADAPTER = """
from beside import GAIN

def harmonize(picture, mask):
    assert picture.dtype == mask.dtype == "uint8" and picture.shape[:2] == mask.shape and picture.shape[2] == 3
    return picture // GAIN * (mask[..., None] > 127)
"""


def test_a_rival_is_called_picture_by_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))  # taken back after the test, with what the adapter puts in front
    (tmp_path / "adapter.py").write_text(ADAPTER)
    (tmp_path / "beside.py").write_text("GAIN = 2\n")
    name, call = rival(f"Theirs: untrained={tmp_path / 'adapter.py'}")
    image, mask = torch.full((2, 3, 5, 7), 0.8), torch.zeros(2, 1, 5, 7)
    mask[1] = 1
    first, second = call(image, mask)
    assert name == "Theirs: untrained"
    assert np.array_equal(first, np.zeros((5, 7, 3))) and np.array_equal(second, np.full((5, 7, 3), 102))


@pytest.mark.parametrize("spec", ["", "name", "name=", "name=no/such/file.py"])
def test_no_file_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match="--rival takes NAME=PATH of a Python file, got"):
        rival(spec)


def test_an_adapter_without_the_function_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "empty.py").write_text("harmonise = None\n")
    with pytest.raises(ValueError, match=r"empty.py has no function harmonize\(picture, mask\)"):
        rival(f"name={tmp_path / 'empty.py'}")
