"""Other people's code in the speed benchmark: an adapter, a Python file that is named by path."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch import Tensor

Call = Callable[[Tensor, Tensor], object]  # pictures B 3 H W and masks B 1 H W, in [0, 1] on the CPU


def rival(spec: str) -> tuple[str, Call]:
    """NAME=PATH of a Python file with ``harmonize(picture, mask)``: H W 3 and H W uint8 arrays -> any picture.

    The file is the adapter to somebody's public code: its folder is put in front of the import path, so that it can
    lie in a checkout of that code, load what it needs when it is imported, and call it.

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


def as_bytes(pictures: Tensor) -> np.ndarray:
    """B C H W in [0, 1] as B H W C uint8."""
    return (pictures.permute(0, 2, 3, 1) * 255).round().byte().numpy()
