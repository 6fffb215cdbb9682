"""Weights files: what is written comes back, and nothing else is believed."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from regharm_core import CheckpointError, HarmonizerConfig, HarmonizerNet, load_harmonizer, read_info, save_checkpoint
from regharm_core.store.checkpoint import load_network

CONFIG = HarmonizerConfig(width=2, refine=(0, 0, 0, 0))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "good.safetensors"
    save_checkpoint(HarmonizerNet(CONFIG), path, facts={"images": 3, "licence": "MIT"})
    return path


def split(path: Path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(path: Path, header: object, body: bytes) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_network(path)
    return str(caught.value)


def test_round_trip(weights: Path) -> None:
    net, info = load_network(weights)
    torch.manual_seed(0)
    original = HarmonizerNet(CONFIG).state_dict()
    assert info.config == CONFIG and info.facts == {"images": 3, "licence": "MIT"}
    assert not net.training
    for name, value in net.state_dict().items():
        assert torch.equal(value, original[name]), name


@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_half_storage_loads_as_fp32(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "half.safetensors"
    net = HarmonizerNet(CONFIG)
    save_checkpoint(net, path, facts={}, dtype=dtype)
    loaded, _ = load_network(path)
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    assert torch.allclose(loaded.stem[0].weight, net.stem[0].weight, atol=1e-2)


def test_a_file_of_another_project(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    assert "no harmonizer weights" in refused(path)


@pytest.mark.parametrize("suffix", [".pt", ".ckpt", ".bin"])
def test_only_safetensors_opens(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"evil{suffix}"
    path.write_bytes(pickle.dumps({"a": 1}))
    assert ".safetensors" in refused(path)


def test_a_renamed_pickle(tmp_path: Path) -> None:
    path = tmp_path / "evil.safetensors"
    path.write_bytes(pickle.dumps({"a": list(range(100))}))
    assert "not a safetensors file" in refused(path)


def test_a_missing_file(tmp_path: Path) -> None:
    assert "cannot read" in refused(tmp_path / "absent.safetensors")


@pytest.mark.parametrize("keep", [0, 3, 8, 100, -1, -400])
def test_truncation(weights: Path, keep: int) -> None:
    data = weights.read_bytes()
    weights.write_bytes(data[:keep])
    refused(weights)


def test_trailing_bytes(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes() + b"\0\0\0\0")
    assert "padded" in refused(weights)


def test_repeated_key(weights: Path) -> None:
    header, body = split(weights)
    text = json.dumps(header)
    name = next(k for k in header if k != "__metadata__")
    text = text[:-1] + f", {json.dumps(name)}: {json.dumps(header[name])}}}"
    assert "repeats" in refused(join(weights, text.encode(), body))


@pytest.mark.parametrize(
    "metadata",
    [
        {"format": "regharm-1", "config": json.dumps({"width": 10**9})},
        {"format": "regharm-1", "config": json.dumps({"width": 2, "surprise": 1})},
        {"format": "regharm-1", "config": "[" * 100000},
        {"format": "regharm-1", "config": "{}", "facts": "[]"},
        {"format": "regharm-2"},
        {"format": 1},
    ],
)
def test_bad_metadata(weights: Path, metadata: dict) -> None:
    header, body = split(weights)
    header["__metadata__"] = metadata
    refused(join(weights, header, body))


def test_a_wide_config_on_a_small_file_allocates_nothing(weights: Path) -> None:
    header, body = split(weights)
    header["__metadata__"]["config"] = json.dumps({"width": 256})
    assert "must be" in refused(join(weights, header, body)) or "lacks" in refused(weights)


@pytest.mark.parametrize("field", ["missing", "extra", "shape", "dtype", "offsets"])
def test_tensors_that_do_not_fit(weights: Path, field: str) -> None:
    header, body = split(weights)
    name = "head.weight"
    if field == "missing":
        header["other"] = header.pop(name)
    elif field == "extra":
        header["other"] = {"dtype": "F32", "shape": [0], "data_offsets": [len(body), len(body)]}
    elif field == "shape":
        header[name]["shape"] = header[name]["shape"][::-1]
    elif field == "dtype":
        header[name]["dtype"] = "I32"
    else:
        header[name]["data_offsets"][0] -= 4
    refused(join(weights, header, body))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite(weights: Path, value: float) -> None:
    header, body = split(weights)
    start = header["head.weight"]["data_offsets"][0]
    body = body[:start] + struct.pack("<f", value) + body[start + 4 :]
    assert "head.weight" in refused(join(weights, header, body))


def test_saving_refuses_nan_and_keeps_the_former_file(weights: Path) -> None:
    before = weights.read_bytes()
    net = HarmonizerNet(CONFIG)
    net.head.weight.data[0] = float("nan")
    with pytest.raises(CheckpointError, match="finite"):
        save_checkpoint(net, weights, facts={})
    assert weights.read_bytes() == before
    assert list(weights.parent.iterdir()) == [weights]


def test_a_folded_network_is_not_saved(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"lacks \d+ tensors of its config, e.g. 'down.0.1.bias'.*load_harmonizer"
    ):
        save_checkpoint(load_harmonizer(weights), tmp_path / "again.safetensors", facts={})
    assert not (tmp_path / "again.safetensors").exists()


def test_info_reads_the_header_alone(weights: Path) -> None:
    header, body = split(weights)
    start = header["head.weight"]["data_offsets"][0]
    join(weights, header, body[:start] + struct.pack("<f", float("nan")) + body[start + 4 :])
    assert read_info(weights).config == CONFIG
