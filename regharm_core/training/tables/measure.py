"""A trained row on fixed pairs, through the public call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import InputError
from ...unet import HarmonizerNet
from ..evaluate import evaluate

PAIR_SIZE = 256  # px a side, the paper's; the network sees its view of them


def measure(net: HarmonizerNet, folder: Path) -> dict[str, Any]:
    """PSNR, MSE and fMSE of each kind of pairs.

    Args:
        net: in eval mode.
        folder: holds one folder of pairs (real/, composite/, mask/) a kind.

    Returns:
        By kind: the means ``composite`` and ``harmonized``, ``pairs``, and each pair's ``psnr`` and ``fmse``.

    Raises:
        InputError: when the folder holds no kinds of pairs.
    """
    found: dict[str, Any] = {}
    if not (kinds := sorted(p for p in folder.iterdir() if p.is_dir())):
        raise InputError(f"{folder} holds no folders of pairs")
    for kind in kinds:
        report = evaluate(net, kind, size=PAIR_SIZE)
        after = [pair["harmonized"] for pair in report["per_image"]]
        found[kind.name] = {
            "pairs": report["images"],
            "composite": _rounded(report["composite"]),
            "harmonized": _rounded(report["harmonized"]),
            "psnr": [round(score["psnr"], 2) for score in after],
            "fmse": [round(score["fmse"], 1) for score in after],
        }
    return found


def _rounded(means: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in means.items()}
