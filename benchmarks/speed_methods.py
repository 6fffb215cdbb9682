"""What is timed: the classical methods that people have, and our weights (rivals: ``rivals.py``).

A method is called with pictures B 3 H W in [0, 1] and masks B 1 H W on the CPU and does all that its user would
wait for.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import torch
from color_matcher import ColorMatcher
from torch import Tensor

from regharm_core import harmonize, load_harmonizer

from .rivals import Call, as_bytes

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def color_matcher(method: str) -> Call:
    """The color-matcher package as the ColorMatch node calls it: the whole picture onto a reference."""
    matcher = ColorMatcher()

    def run(image: Tensor, mask: Tensor) -> list[object]:
        pictures = image.permute(0, 2, 3, 1).numpy()
        return [matcher.transfer(src=one, ref=one[::-1], method=method) for one in pictures]

    return run


def seamless_clone(image: Tensor, mask: Tensor) -> list[object]:
    """OpenCV's Poisson blending of the foreground onto its own picture."""
    made: list[object] = []
    for picture, inside in zip(as_bytes(image), as_bytes(mask)[..., 0], strict=True):
        x, y, width, height = cv2.boundingRect(inside)
        middle = (x + width // 2, y + height // 2)
        made.append(cv2.seamlessClone(picture, picture, inside, middle, cv2.NORMAL_CLONE))
    return made


def ours(path: Path, place: str) -> Call:
    """The public call with a weights file at a place: a device, or DEVICE:DTYPE.

    On an accelerator the pictures are taken there first: with the transfer it would be timed, not the work.
    """
    device, _, dtype = place.partition(":")
    model = load_harmonizer(path, device).to(DTYPES[dtype or "fp32"])
    kept: dict[int, tuple[Tensor, Tensor]] = {}

    def run(image: Tensor, mask: Tensor) -> Tensor:
        if device == "cpu":
            return harmonize(model, image, mask)
        if id(image) not in kept:
            kept.clear()
            kept[id(image)] = image.to(device), mask.to(device)
        made = harmonize(model, *kept[id(image)], batch_size=32)
        torch.cuda.synchronize()
        return made

    return run
