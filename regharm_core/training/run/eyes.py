"""Where the frozen eye of a new network comes from."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from ...errors import CheckpointError, ConfigError
from ...network.eye import EfficientNetLite0
from ...network.face import Harmonizer


def open_eye(net: Harmonizer, path: Path) -> None:
    """Give a network the eye of a file: one that scripts/convert_eye.py wrote, or weights of a network with an eye.

    Raises:
        ConfigError: when the network has none.
        CheckpointError: when the file cannot be read or holds no eye that fits.
    """
    eye = getattr(net, "eye", None)
    if not isinstance(eye, nn.Module):
        raise ConfigError(f"the recipe names an eye ({path}), but its network has none")
    _fill(eye, path)


def load_eye(path: Path) -> EfficientNetLite0:
    """The eye of such a file, in the memory format that a CPU is fastest with.

    Raises:
        CheckpointError: when the file cannot be read or holds no eye.
    """
    eye = EfficientNetLite0().eval().requires_grad_(False)
    _fill(eye, path)
    return eye.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _fill(eye: nn.Module, path: Path) -> None:
    try:
        with safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if name.startswith("eye.")]  # noqa: SIM118 (no mapping)
            eye.load_state_dict({name.removeprefix("eye."): file.get_tensor(name).float() for name in names})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{path} holds no eye for this network: {error}") from None
