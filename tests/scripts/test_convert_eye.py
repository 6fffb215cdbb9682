"""The eye's conversion: batch norms folded into their convolutions, and a file that training opens."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from regharm_core.network.eye import EfficientNetLite0
from regharm_core.training.run.eyes import open_eye
from scripts import convert_eye
from scripts.convert_eye import convert, main
from tests.network.mapnets import lively

PARTS = {  # of a block: ours, and the package's convolution and norm
    "expand": ("_expand_conv", "_bn0"),
    "filter": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}
STATISTICS = ("running_mean", "running_var", "weight", "bias")


@pytest.fixture(scope="module")
def package() -> dict[str, Tensor]:
    """A state of the package's names with made-up numbers, in double precision; the classifier is there too."""
    random = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}

    def made(convolution: str, norm: str, weight: Tensor) -> None:
        channels = len(weight)
        gain = (2 / weight[0].numel()) ** 0.5
        state[f"{convolution}.weight"] = torch.randn(weight.shape, generator=random, dtype=torch.float64) * gain
        for name, low, high in (("weight", 0.5, 1.5), ("bias", -1, 1), ("running_mean", -1, 1), ("running_var", 0, 2)):
            values = torch.rand(channels, generator=random, dtype=torch.float64)
            state[f"{norm}.{name}"] = low + (high - low) * values
        state[f"{norm}.num_batches_tracked"] = torch.tensor(7)

    wanted = EfficientNetLite0().state_dict()
    made("_conv_stem", "_bn0", wanted["stem.weight"])
    for name, weight in wanted.items():
        if name.startswith("blocks.") and name.endswith(".weight"):
            _, number, part, _ = name.split(".")
            convolution, norm = PARTS[part]
            made(f"_blocks.{number}.{convolution}", f"_blocks.{number}.{norm}", weight)
    made("_conv_head", "_bn1", torch.zeros(1280, 320, 1, 1))
    state["_fc.weight"], state["_fc.bias"] = torch.zeros(1000, 1280), torch.zeros(1000)
    return state


def test_every_convolution_does_its_norms_work(package: dict[str, Tensor]) -> None:
    converted = convert(package)
    pairs = [("stem", "_conv_stem", "_bn0")]
    pairs += [
        (f"blocks.{n}.{part}", f"_blocks.{n}.{convolution}", f"_blocks.{n}.{norm}")
        for n in range(16)
        for part, (convolution, norm) in PARTS.items()
        if f"_blocks.{n}.{convolution}.weight" in package
    ]
    assert len(pairs) == 1 + 16 * 3 - 1  # the first block does not expand
    for to, convolution, norm in pairs:
        weight = package[f"{convolution}.weight"]
        groups = len(weight) if to.endswith("filter") else 1
        values = torch.randn(2, weight.shape[1] * groups, 6, 6, dtype=torch.float64)
        mean, variance, gain, shift = (package[f"{norm}.{name}"] for name in STATISTICS)
        plain = F.conv2d(values, weight, groups=groups)
        wanted = F.batch_norm(plain, mean, variance, gain, shift, training=False, eps=1e-3)
        folded = F.conv2d(values, converted[f"{to}.weight"], converted[f"{to}.bias"], groups=groups)
        torch.testing.assert_close(folded, wanted, rtol=1e-10, atol=1e-10)


def test_names_and_shapes_are_the_eyes(package: dict[str, Tensor]) -> None:
    converted, wanted = convert(package), EfficientNetLite0().state_dict()
    assert {name: tensor.shape for name, tensor in converted.items()} == {n: t.shape for n, t in wanted.items()}


def test_the_file_is_half_as_large_and_opens(
    package: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({name: tensor.float() for name, tensor in package.items()}, tmp_path / "package.pth")
    made = hashlib.sha256((tmp_path / "package.pth").read_bytes()).hexdigest()
    monkeypatch.setattr(convert_eye, "SHA256", made)
    main(tmp_path / "package.pth", tmp_path / "eye.safetensors")
    stored = load_file(tmp_path / "eye.safetensors")
    assert all(name.startswith("eye.") and tensor.dtype == torch.float16 for name, tensor in stored.items())
    net = lively(eye=True)
    open_eye(net, tmp_path / "eye.safetensors")
    assert net.eye is not None
    for name, tensor in convert(package).items():
        torch.testing.assert_close(net.eye.state_dict()[name], tensor.float(), rtol=1e-3, atol=1e-6)
    assert not any(parameter.requires_grad for parameter in net.eye.parameters())


def test_another_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It might be a pickle that runs a command."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("it was opened")

    monkeypatch.setattr(torch, "load", never)
    (tmp_path / "package.pth").write_bytes(b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(ValueError, match=f"package.pth is not the file of .* 0.1.0: its SHA-256 is {found}"):
        main(tmp_path / "package.pth", tmp_path / "eye.safetensors")
    assert not (tmp_path / "eye.safetensors").exists()
