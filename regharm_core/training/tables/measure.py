"""A trained row on fixed pairs, at the network's own size, the whole picture at once, as the paper measures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ...errors import InputError
from ...unet import HarmonizerNet
from ..metrics import Score, mean_score, score
from ..pairs import read_pairs


@torch.inference_mode()
def measure(net: HarmonizerNet, folder: Path, size: int) -> dict[str, Any]:
    """PSNR, MSE and fMSE of each kind of pairs.

    Args:
        net: in eval mode.
        folder: holds one folder of pairs (real/, composite/, mask/) a kind.
        size: side in px that pairs are resized to.

    Returns:
        By kind: the means ``composite`` and ``harmonized``, ``pairs``, and each pair's ``psnr`` and ``fmse``.

    Raises:
        InputError: when the folder holds no kinds of pairs.
    """
    found: dict[str, Any] = {}
    if not (kinds := sorted(p for p in folder.iterdir() if p.is_dir())):
        raise InputError(f"{folder} holds no folders of pairs")
    for kind in kinds:
        before: list[Score] = []
        after: list[Score] = []
        for pair in read_pairs(kind, size=size):
            made = net(pair.composite[None], pair.mask[None]).image[0]
            before.append(score(pair.composite, pair.real, pair.mask))
            after.append(score(made, pair.real, pair.mask))
        found[kind.name] = {
            "pairs": len(after),
            "composite": _rounded(mean_score(before)),
            "harmonized": _rounded(mean_score(after)),
            "psnr": [round(s.psnr, 2) for s in after],
            "fmse": [round(s.fmse, 1) for s in after],
        }
    return found


def _rounded(means: Score) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(means).items()}
