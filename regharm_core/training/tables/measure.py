"""A trained row measured on fixed pairs, as the paper does, at the size that the network works at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import InputError
from ...network.face import Harmonizer
from ..measuring.evaluate import evaluate

MEASUREMENT = 2  # raise it when the measuring changes: older rows are then measured again, not trained again


def measure(net: Harmonizer, folder: Path, size: int) -> dict[str, Any]:
    """PSNR, MSE and fMSE of each kind of pairs, through the public call.

    At the network's own size the call gives what the network drew (Eq. 6 or 7). In larger pictures it applies
    local colour maps, which keep every detail, so the detail that direct prediction loses would not show.

    Args:
        net: in eval mode.
        folder: holds one folder of pairs (real/, composite/, mask/) a kind.
        size: px a side that the pairs are resized to.

    Returns:
        By kind: the means ``composite`` and ``harmonized``, ``pairs``, and each pair's ``psnr`` and ``fmse``.

    Raises:
        InputError: when the folder holds no kinds of pairs.
    """
    found: dict[str, Any] = {}
    if not (kinds := sorted(p for p in folder.iterdir() if p.is_dir())):
        raise InputError(f"{folder} holds no folders of pairs")
    for kind in kinds:
        report = evaluate(net, kind, size=size)
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
