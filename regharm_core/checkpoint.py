"""Weights in and out: safetensors only, every claim of the file checked before it is believed."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .config import HarmonizerConfig
from .errors import CheckpointError, ConfigError
from .files import replacing
from .unet import HarmonizerNet

FORMAT = "regharm-1"
HEADER_LIMIT = 4 << 20  # bytes; ours are below 32 KiB
DTYPES = {"F32": 4, "F16": 2, "BF16": 2}  # what weights may be stored as, bytes each
TORCH_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class CheckpointInfo:
    """What a weights file says of itself, read from its header alone.

    Attributes:
        config: the network's hyper-parameters.
        facts: training facts, for people: data, steps, images, seconds, licence, figures.
        tensors: name -> (dtype, shape).
        size: the file's length in bytes.
    """

    config: HarmonizerConfig
    facts: dict[str, Any]
    tensors: dict[str, tuple[str, tuple[int, ...]]] = field(repr=False)
    size: int


def save_checkpoint(net: HarmonizerNet, path: Path, *, facts: dict[str, Any], dtype: str = "fp32") -> None:
    """Write a network's weights with its config and training facts as metadata, whole or not at all.

    Raises:
        CheckpointError: on an unknown dtype, a wrong suffix or weights that are not finite.
    """
    if dtype not in TORCH_DTYPES:
        raise CheckpointError(f"dtype must be one of {sorted(TORCH_DTYPES)}, got {dtype!r}")
    if path.suffix != ".safetensors":
        raise CheckpointError(f"weights are written as .safetensors, got {path.name!r}")
    tensors = {k: v.detach().cpu().to(TORCH_DTYPES[dtype]).contiguous() for k, v in _stored(net).items()}
    _check_finite(tensors, path)
    metadata = {"format": FORMAT, "config": net.config.to_json(), "facts": json.dumps(facts, sort_keys=True)}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def read_info(path: Path) -> CheckpointInfo:
    """Read and check a weights file's header; no tensor is loaded.

    Raises:
        CheckpointError: when the file is not a weights file of this project.
    """
    if path.suffix != ".safetensors":
        raise CheckpointError(f"only .safetensors files are opened, got {path.name!r}")
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            return _parse_header(path, size, file.read(8), file.read)
    except OSError as error:
        raise CheckpointError(f"cannot read the weights file {path}: {error.strerror}") from None


def load_network(path: Path) -> tuple[HarmonizerNet, CheckpointInfo]:
    """Build the network that a weights file describes and load it strictly, in fp32 and eval mode, on the CPU.

    Every name, shape and dtype is compared with what the config asks for before any tensor is read.

    Raises:
        CheckpointError: when anything does not fit or a value is not finite.
    """
    info = read_info(path)
    with torch.device("meta"):
        net = HarmonizerNet(info.config)
    wanted = {k: tuple(v.shape) for k, v in _stored(net).items()}
    if missing := sorted(wanted.keys() - info.tensors.keys()):
        raise CheckpointError(f"{path.name} lacks {len(missing)} tensors that its config asks for, e.g. {missing[0]!r}")
    if extra := sorted(info.tensors.keys() - wanted.keys()):
        raise CheckpointError(f"{path.name} holds {len(extra)} unknown tensors, e.g. {extra[0]!r}")
    for name, shape in wanted.items():
        if info.tensors[name][1] != shape:
            raise CheckpointError(f"{path.name}: {name} must be {shape}, got {info.tensors[name][1]}")
    state: dict[str, Tensor] = {}
    try:
        with safe_open(path, framework="pt") as file:
            for name in wanted:  # one by one: never more in memory than the network and one tensor
                tensor = file.get_tensor(name)
                _check_finite({name: tensor}, path)
                state[name] = tensor.to(torch.float32, copy=True)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path.name} cannot be read as safetensors: {error}") from None
    counters = {k: torch.zeros((), dtype=torch.long) for k in net.state_dict() if k.endswith("num_batches_tracked")}
    net.load_state_dict(state | counters, strict=True, assign=True)
    return net.eval().requires_grad_(False), info


def _stored(net: HarmonizerNet) -> dict[str, Tensor]:
    """The tensors a file holds: the state without batch norm's step counters."""
    return {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}


def _check_finite(tensors: dict[str, Tensor], path: Path) -> None:
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{path.name}: {name} holds values that are not finite")
        if name.endswith("running_var") and bool((tensor < 0).any()):
            raise CheckpointError(f"{path.name}: {name} holds negative variances")


def _parse_header(path: Path, size: int, prefix: bytes, read: Any) -> CheckpointInfo:
    if len(prefix) < 8:
        raise CheckpointError(f"{path.name} is too short for a safetensors file: {size} bytes")
    (length,) = struct.unpack("<Q", prefix)
    if not 2 <= length <= min(HEADER_LIMIT, size - 8):
        raise CheckpointError(f"{path.name} is not a safetensors file: header of {length} bytes in {size}")
    try:
        header = json.loads(read(length).decode("utf-8"), object_pairs_hook=_no_repeats)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise CheckpointError(f"{path.name}: the safetensors header is not JSON ({error})") from None
    except _RepeatedKey as error:
        raise CheckpointError(f"{path.name}: the safetensors header repeats the key {error.args[0]!r}") from None
    if not isinstance(header, dict):
        raise CheckpointError(f"{path.name}: the safetensors header is no JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or any(not isinstance(v, str) for v in metadata.values()):
        raise CheckpointError(f"{path.name}: the metadata must map strings to strings")
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path.name} holds no harmonizer weights: format {metadata.get('format')!r}, wanted {FORMAT!r}"
        )
    try:
        config = HarmonizerConfig.from_json(metadata.get("config", ""))
        facts = json.loads(metadata.get("facts", "{}"))
    except ConfigError as error:
        raise CheckpointError(f"{path.name}: {error}") from None
    except (json.JSONDecodeError, RecursionError) as error:
        raise CheckpointError(f"{path.name}: the training facts are not JSON ({error})") from None
    if not isinstance(facts, dict):
        raise CheckpointError(f"{path.name}: the training facts must be a JSON object")
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {}
    spans: list[tuple[int, int]] = []
    for name, entry in header.items():
        dtype, shape, start, stop = _tensor_entry(path, name, entry)
        tensors[name] = (dtype, shape)
        spans.append((start, stop))
    place = 0
    for start, stop in sorted(spans):
        if start != place:
            raise CheckpointError(f"{path.name}: tensors overlap or leave a gap at byte {place}")
        place = stop
    if place != size - 8 - length:
        raise CheckpointError(f"{path.name} is truncated or padded: {size - 8 - length} bytes of {place}")
    return CheckpointInfo(config, facts, tensors, size)


def _tensor_entry(path: Path, name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """dtype, shape, first and last byte of one tensor, checked against each other."""
    try:
        dtype, shape, (start, stop) = entry["dtype"], entry["shape"], entry["data_offsets"]
        if len(entry) != 3 or dtype not in DTYPES or not isinstance(shape, list) or len(shape) > 4:
            raise ValueError
        numbers = [*shape, start, stop]
        if any(type(n) is not int or not 0 <= n < 1 << 40 for n in numbers):
            raise ValueError
    except (TypeError, KeyError, ValueError):
        raise CheckpointError(f"{path.name}: the entry of tensor {name!r} is not valid: {str(entry)[:120]}") from None
    count = 1
    for side in shape:
        count *= side
    if stop - start != count * DTYPES[dtype]:
        raise CheckpointError(f"{path.name}: {name} of shape {shape} does not fit its {stop - start} bytes")
    return dtype, tuple(shape), start, stop


class _RepeatedKey(Exception):
    pass


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _RepeatedKey(key)
        found[key] = value
    return found
