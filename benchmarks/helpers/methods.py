"""What is timed: classical methods that people have, our weights, and other people's code.

A method is called with pictures B 3 H W in [0, 1] and masks B 1 H W on the CPU. It does all that its user waits for.
The packages of the classical methods are imported when they are asked for.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from regharm_core import harmonize, load_harmonizer

Call = Callable[[Tensor, Tensor], object]
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def as_bytes(pictures: Tensor) -> np.ndarray:
    """B C H W in [0, 1] as B H W C uint8."""
    return (pictures.permute(0, 2, 3, 1) * 255).round().byte().numpy()


def color_matcher(method: str) -> Call:
    """The color-matcher package as the ColorMatch node calls it: the whole picture onto a reference."""
    from color_matcher import ColorMatcher

    matcher = ColorMatcher()

    def run(image: Tensor, mask: Tensor) -> list[object]:
        pictures = image.permute(0, 2, 3, 1).numpy()
        return [matcher.transfer(src=one, ref=one[::-1], method=method) for one in pictures]

    return run


def seamless_clone(image: Tensor, mask: Tensor) -> list[object]:
    """OpenCV's Poisson blending of the foreground onto its own picture."""
    import cv2

    made: list[object] = []
    for picture, inside in zip(as_bytes(image), as_bytes(mask)[..., 0], strict=True):
        x, y, width, height = cv2.boundingRect(inside)
        middle = (x + width // 2, y + height // 2)
        made.append(cv2.seamlessClone(picture, picture, inside, middle, cv2.NORMAL_CLONE))
    return made


def ours(path: Path, place: str) -> Call:
    """The public call with a weights file at a place: a device, or DEVICE:DTYPE.

    On a GPU the pictures are taken there before the clock starts.
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


def rival(spec: str) -> tuple[str, Call]:
    """NAME=PATH of a Python file with ``harmonize(picture, mask)``: H W 3 and H W uint8 arrays -> any picture.

    The file is an adapter to somebody's public code. Its folder is put in front of the import path, so that it can
    lie in a checkout of that code.

    Raises:
        ValueError: when there is no such file, or no such function in it.
    """
    name, _, place = spec.partition("=")
    path = Path(place).resolve()
    found = importlib.util.spec_from_file_location(f"rival_{len(sys.modules)}", path) if path.is_file() else None
    if found is None or found.loader is None:
        raise ValueError(f"--rival takes NAME=PATH of a Python file, got {spec!r}")
    sys.path.insert(0, str(path.parent))
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    function = getattr(module, "harmonize", None)
    if function is None:
        raise ValueError(f"{path} has no function harmonize(picture, mask)")

    def run(image: Tensor, mask: Tensor) -> list[object]:
        return [function(*one) for one in zip(as_bytes(image), as_bytes(mask)[..., 0], strict=True)]

    return name, run
