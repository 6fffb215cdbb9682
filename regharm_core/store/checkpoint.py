"""Reading and writing weights: safetensors only, and what a file says is checked before it is used."""

from __future__ import annotations

import json
import stat
import struct
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import CheckpointError, ConfigError, short
from ..network.build import build_network
from ..network.config import HarmonizerConfig
from ..network.face import Harmonizer
from .files import write_tensors

FORMAT = "regharm-1"
HEADER_LIMIT = 128 << 10  # bytes; ours are below 24 KiB at every width; parsing takes memory of many times that
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}  # what weights may be stored as
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


def save_checkpoint(net: Harmonizer, path: Path, *, facts: dict[str, Any], dtype: str = "fp32") -> None:
    """Write a network's weights with its config and training facts as metadata, whole or not at all.

    Raises:
        CheckpointError: on an unknown dtype, a wrong suffix, facts too long to be read back, weights
            that are not finite, or a network whose batch norms were folded (:mod:`..network.folding`).
    """
    if dtype not in TORCH_DTYPES:
        raise CheckpointError(f"dtype must be one of {sorted(TORCH_DTYPES)}, got {dtype!r}")
    if path.suffix != ".safetensors":
        raise CheckpointError(f"weights are written as .safetensors, got {path.name!r}")
    metadata = {"format": FORMAT, "config": net.config.to_json(), "facts": json.dumps(facts, sort_keys=True)}
    if len(metadata["facts"]) > HEADER_LIMIT // 4:
        raise CheckpointError(
            f"the training facts must be at most {HEADER_LIMIT // 4} bytes, got {len(metadata['facts'])}"
        )
    if missing := sorted(_stored(_unallocated(net.config)).keys() - _stored(net).keys()):
        raise CheckpointError(
            f"the network lacks {len(missing)} tensors of its config, e.g. {missing[0]!r}: one that load_harmonizer "
            f"has folded for use cannot be saved again"
        )
    tensors = {k: v.detach().cpu().to(TORCH_DTYPES[dtype]).contiguous() for k, v in _stored(net).items()}
    for name, tensor in tensors.items():
        _check_finite(name, tensor, path)
    write_tensors(path, tensors, metadata)


def read_info(path: Path) -> CheckpointInfo:
    """Read and check a weights file's header; no tensor is loaded.

    Raises:
        CheckpointError: when the file is not a weights file of this project.
    """
    with _opened(path) as file:
        return _read_header(path, file)[0]


def load_network(path: Path) -> tuple[Harmonizer, CheckpointInfo]:
    """Build the network that a weights file describes and load it strictly, in fp32 and eval mode, on the CPU.

    Every name, shape and dtype is compared with what the config asks for before any tensor is read. The tensors
    come from the same open file as the header that was checked, so nobody can swap the file in between.

    Raises:
        CheckpointError: when anything does not fit or a value is not finite.
    """
    with _opened(path) as file:
        info, places = _read_header(path, file)
        net = _unallocated(info.config)
        wanted = {k: tuple(v.shape) for k, v in _stored(net).items()}
        if missing := sorted(wanted.keys() - info.tensors.keys()):
            raise CheckpointError(f"{path.name} lacks {len(missing)} tensors of its config, e.g. {missing[0]!r}")
        if extra := sorted(info.tensors.keys() - wanted.keys()):
            raise CheckpointError(f"{path.name} holds {len(extra)} unknown tensors, e.g. {short(extra[0])}")
        for name, shape in wanted.items():
            if info.tensors[name][1] != shape:
                raise CheckpointError(f"{path.name}: {name} must be {shape}, got {info.tensors[name][1]}")
        state: dict[str, Tensor] = {}
        for name, shape in wanted.items():  # one by one: never more in memory than the network and one tensor
            start, stop = places[name]
            file.seek(start)
            values = bytearray(stop - start)
            if file.readinto(values) != len(values):
                raise CheckpointError(f"{path.name} ends within {name}: it became shorter while it was read")
            tensor = torch.frombuffer(values, dtype=DTYPES[info.tensors[name][0]])
            _check_finite(name, tensor, path)
            state[name] = tensor.to(torch.float32, copy=True).view(shape)
    counters = {k: torch.zeros((), dtype=torch.long) for k in net.state_dict() if k.endswith("num_batches_tracked")}
    net.load_state_dict(state | counters, strict=True, assign=True)
    return net.eval().requires_grad_(False), info


@contextmanager
def _opened(path: Path) -> Generator[BufferedReader]:
    """A regular file with the right suffix; a pipe or device is refused, as reading it could wait forever."""
    if path.suffix.lower() != ".safetensors":
        raise CheckpointError(f"only .safetensors files are opened, got {path.name!r}")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CheckpointError(f"cannot read the weights file {path}: not a regular file")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise CheckpointError(f"cannot read the weights file {path}: {error.strerror}") from None


def _unallocated(config: HarmonizerConfig) -> Harmonizer:
    """The config's network without memory behind its tensors: their names and shapes."""
    with torch.device("meta"):
        return build_network(config)


def _stored(net: Harmonizer) -> dict[str, Tensor]:
    """The tensors a file holds: the state without batch norm's step counters."""
    return {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}


def _check_finite(name: str, tensor: Tensor, path: Path) -> None:
    if not bool(torch.isfinite(tensor).all()):
        raise CheckpointError(f"{path.name}: {name} holds values that are not finite")
    if name.endswith("running_var") and bool((tensor < 0).any()):
        raise CheckpointError(f"{path.name}: {name} holds negative variances")


def _read_header(path: Path, file: BufferedReader) -> tuple[CheckpointInfo, dict[str, tuple[int, int]]]:
    """What the header says, and the first and last byte of each tensor in the file."""
    size = file.seek(0, 2)
    file.seek(0)
    prefix = file.read(8)
    if len(prefix) < 8:
        raise CheckpointError(f"{path.name} is too short for a safetensors file: {size} bytes")
    (length,) = struct.unpack("<Q", prefix)
    if not 2 <= length <= min(HEADER_LIMIT, size - 8):
        raise CheckpointError(
            f"{path.name} is not a safetensors file of this project: header of {length} bytes in {size}"
        )
    try:
        header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_no_repeats)
    except _RepeatedKey as error:
        raise CheckpointError(f"{path.name}: the safetensors header repeats the key {short(error.args[0])}") from None
    except (ValueError, RecursionError) as error:  # ValueError: also a number with thousands of digits
        raise CheckpointError(f"{path.name}: the safetensors header is not JSON ({error})") from None
    if not isinstance(header, dict):
        raise CheckpointError(f"{path.name}: the safetensors header is no JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or any(not isinstance(v, str) for v in metadata.values()):
        raise CheckpointError(f"{path.name}: the metadata must map strings to strings")
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path.name} holds no harmonizer weights: format {short(metadata.get('format'))}, wanted {FORMAT!r}"
        )
    try:
        config = HarmonizerConfig.from_json(metadata.get("config", ""))
    except ConfigError as error:
        raise CheckpointError(f"{path.name}: {error}") from None
    try:
        facts = json.loads(metadata.get("facts", "{}"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path.name}: the training facts are not JSON ({error})") from None
    if not isinstance(facts, dict):
        raise CheckpointError(f"{path.name}: the training facts must be a JSON object")
    tensors: dict[str, tuple[str, tuple[int, ...]]] = {}
    places: dict[str, tuple[int, int]] = {}
    for name, entry in header.items():
        dtype, shape, start, stop = _tensor_entry(path, name, entry)
        tensors[name] = (dtype, shape)
        places[name] = (8 + length + start, 8 + length + stop)
    place = 8 + length
    for start, stop in sorted(places.values()):
        if start != place:
            raise CheckpointError(f"{path.name}: tensors overlap or leave a gap at byte {place}")
        place = stop
    if place != size:
        raise CheckpointError(f"{path.name} is truncated or padded: {size} bytes of {place}")
    return CheckpointInfo(config, facts, tensors, size), places


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
        raise CheckpointError(f"{path.name}: the entry of tensor {short(name)} is not valid: {short(entry)}") from None
    if stop - start != prod(shape) * DTYPES[dtype].itemsize:
        raise CheckpointError(f"{path.name}: {short(name)} of shape {shape} does not fit its {stop - start} bytes")
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
