"""Fixed pairs of every kind: what is in the folders, and that a seed gives them again."""

from __future__ import annotations

from pathlib import Path

import torch

from regharm_core.training.measuring.pairs import read_pairs
from scripts.make_pairs import FOLDERS, LEAST, main
from tests.training.conftest import photographs as photographs  # noqa: PLC0414 (the fixture)


def test_each_folder_holds_pairs_that_are_wrong_inside_the_mask_alone(photographs: Path, tmp_path: Path) -> None:
    for out in ("first", "again"):
        main([str(tmp_path / out), str(photographs), "--pairs", "3", "--side", "64", "--seed", "2"])
    for kind in FOLDERS:
        first, again = (list(read_pairs(tmp_path / out / kind)) for out in ("first", "again"))
        assert len(first) == 3 and all(pair.composite.shape == (3, 64, 64) for pair in first)
        for pair, same in zip(first, again, strict=True):
            assert torch.equal(pair.composite, same.composite) and torch.equal(pair.mask, same.mask)
            error = ((pair.composite - pair.real) * 255).square().mean(0, keepdim=True)
            assert float((error * pair.mask).sum() / pair.mask.sum()) > 0.8 * LEAST  # 8 bits, and before they were cut
            assert float(error[pair.mask == 0].max()) <= 1  # a mask of less than half an 8-bit step
