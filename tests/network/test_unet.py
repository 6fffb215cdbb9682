"""The generator: sizes of the paper's networks, every variant of its tables, other resolutions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from regharm_core import HarmonizerConfig, HarmonizerNet, InputError, parameter_count
from regharm_core.network.config import PTL_FRACTIONS

VARIANTS: dict[str, dict[str, Any]] = {
    "Base": {"ltl": (), "translation": "none", "residual": False},
    "RBase": {"ltl": (), "translation": "none"},
    "RBase + LTL": {"translation": "none"},
    "RBase + self-attention": {"ltl": (), "self_attention": (32,), "translation": "none"},
    "RBase + AdaIN": {"ltl": (), "translation": "rain"},
    "RBase + PTL": {"ltl": ()},
    "RRM": {},
    "LTL at 16": {"ltl": (16,)},
    "LTL at 64": {"ltl": (64,)},
    "LTL everywhere": {"ltl": (16, 32, 64)},
} | {f"PTL 1/{p} 1/{s}": {"ptl_patch": p, "ptl_stride": s} for p, s in PTL_FRACTIONS}


def scene(height: int = 64, width: int = 64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    mask = torch.zeros(2, 1, height, width)
    mask[0, :, height // 4 : height // 2, width // 4 : width // 2] = 1
    mask[1, :, :5, :7] = 0.7
    return torch.rand(2, 3, height, width, generator=generator), mask


def alive(config: HarmonizerConfig) -> HarmonizerNet:
    """A network whose zero-initialised parts are not zero, so that everything reaches the output."""
    torch.manual_seed(0)
    net = HarmonizerNet(config)
    for name, parameter in net.named_parameters():
        if name.startswith("head") or name.endswith("gain"):
            torch.nn.init.normal_(parameter, std=0.3)
    return net


@pytest.mark.parametrize(("width", "millions"), [(32, 9.48), (64, 37.81), (96, 72.39), (128, 117.42)])
def test_parameter_counts_of_table_5(width: int, millions: float) -> None:
    assert parameter_count(HarmonizerConfig(width=width)) == pytest.approx(millions * 1e6, rel=0.01)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_learns_with_every_parameter(name: str) -> None:
    net = alive(HarmonizerConfig(width=2, refine=(1, 0, 0, 1), **VARIANTS[name])).train()
    image, mask = scene()
    output = net(image, mask)
    assert output.image.shape == image.shape and bool(output.image.isfinite().all())
    output.image.square().sum().backward()
    idle = [n for n, p in net.named_parameters() if p.grad is None or not bool(p.grad.abs().sum() > 0)]
    assert idle == []


@pytest.mark.parametrize("size", [(128, 128), (160, 128), (96, 288), (512, 64), (64, 1024)])
def test_other_resolutions(size: tuple[int, int]) -> None:
    net = alive(HarmonizerConfig(width=1, gated=False, refine=(0, 0, 0, 0))).eval()
    image, mask = scene(*size)
    with torch.inference_mode():
        output = net(image, mask, return_attention=True)
    assert output.image.shape == image.shape and bool(output.image.isfinite().all())
    assert set(output.attention) == {"ltl32", "ptl"}
    assert output.attention["ptl"].keys.shape[1] == 29 * 29  # K of the paper, whatever the resolution


def test_a_batch_equals_its_singles() -> None:
    net = alive(HarmonizerConfig(width=2)).double().eval()
    image, mask = (x.double() for x in scene())
    both = net(image, mask).image
    singles = torch.cat([net(image[n : n + 1], mask[n : n + 1]).image for n in range(2)])
    torch.testing.assert_close(both, singles, rtol=1e-9, atol=1e-9)


def test_a_closed_reference_counts_like_foreground_for_the_matching() -> None:
    """With no background that may be consulted, LTL and PTL do nothing; with some, the answer depends on it."""
    net = alive(HarmonizerConfig(width=2)).double().eval()
    image, mask = (x.double() for x in scene())
    left, right = torch.ones_like(mask), torch.ones_like(mask)
    left[..., 40:], right[..., :40] = 0, 0
    answers = [net(image, mask, reference=r).image for r in (left, right, torch.ones_like(mask))]
    assert not torch.allclose(answers[0], answers[1])
    assert torch.equal(answers[2], net(image, mask).image)


def test_attention_only_on_request() -> None:
    net = HarmonizerNet(HarmonizerConfig(width=1)).eval()
    assert net(*scene()).attention == {}


@pytest.mark.parametrize(
    ("image", "mask", "said"),
    [
        ((1, 3, 100, 64), (1, 1, 100, 64), "100"),
        ((1, 3, 32, 64), (1, 1, 32, 64), "32"),
        ((1, 3, 64, 1056), (1, 1, 64, 1056), "1056"),
        ((1, 4, 64, 64), (1, 1, 64, 64), "4, 64"),
        ((3, 64, 64), (1, 1, 64, 64), "3, 64, 64"),
        ((2, 3, 64, 64), (1, 1, 64, 64), r"mask must be \(2, 1, 64, 64\)"),
        ((1, 3, 64, 64), (1, 3, 64, 64), r"got \(1, 3, 64, 64\)"),
    ],
)
def test_wrong_shapes_are_quoted(image: tuple[int, ...], mask: tuple[int, ...], said: str) -> None:
    net = HarmonizerNet(HarmonizerConfig(width=1))
    with pytest.raises(InputError, match=said):
        net(torch.zeros(image), torch.zeros(mask))
