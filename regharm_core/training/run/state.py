"""Everything a run needs to go on after a kill, in one safetensors file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ...errors import CheckpointError
from ...store.files import write_tensors


def save_state(
    path: Path, net: nn.Module, average: nn.Module, optimizer: torch.optim.Adam, random: Tensor, numbers: dict[str, Any]
) -> None:
    """Write networks, moments, each process's random state (P N) and counters, whole or not at all."""
    tensors = {f"net.{k}": v for k, v in net.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
    tensors["random"] = random
    for n, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{n}.{k}": torch.as_tensor(v) for k, v in moments.items()}
    copies = {k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}
    write_tensors(path, copies, {"numbers": json.dumps(numbers | {"optimizer": type(optimizer).__name__})})


def load_state(
    path: Path, net: nn.Module, average: nn.Module, optimizer: torch.optim.Adam
) -> tuple[Tensor, dict[str, Any]]:
    """Put a saved state back in place; returns each process's random state (P N) and the counters.

    Raises:
        CheckpointError: when the file is broken, or belongs to another network or optimizer.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            numbers = json.loads((file.metadata() or {})["numbers"])
        random = tensors["random"]
        random = random if random.ndim == 2 else random[None]  # older files hold one process's state as N
        if not (isinstance(numbers, dict) and all(_counts(numbers.get(k)) for k in ("step", "images", "elapsed"))):
            raise ValueError(f"its counters are {str(numbers)[:100]!r}")
        if random.dtype != torch.uint8 or random.ndim != 2:
            raise ValueError(f"its random state is a tensor {tuple(random.shape)} of {random.dtype}")
        net.load_state_dict(_part(tensors, "net."))
        average.load_state_dict(_part(tensors, "average."))
        learned = numbers.get("optimizer", type(optimizer).__name__)  # older files do not say
        if learned != type(optimizer).__name__:
            raise ValueError(f"it was trained with {learned}, and the recipe asks for {type(optimizer).__name__}")
        packed = optimizer.state_dict()
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _part(tensors, "adam.").items():
            number, key = name.split(".")
            moments.setdefault(int(number), {})[key] = tensor
        optimizer.load_state_dict(packed | {"state": moments})
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"the training state {path} cannot be resumed: {error}") from None
    return random, numbers


def _counts(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < 1e300


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
