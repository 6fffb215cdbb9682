"""From the network's prediction to the harmonized image: Eq. 7 (residual) and Eq. 6 (direct)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from regharm_core import HarmonizerConfig, HarmonizerNet
from tests.network import slow
from tests.network.cases import TOLERANCE


def prepared(residual: bool) -> tuple[HarmonizerNet, Tensor, Tensor]:
    torch.manual_seed(2)
    net = HarmonizerNet(HarmonizerConfig(width=1, gated=False, refine=(0, 0, 0, 0), residual=residual)).double().eval()
    torch.nn.init.normal_(net.head.weight, std=0.3)
    image = torch.rand(2, 3, 64, 64, dtype=torch.float64, requires_grad=True)
    mask = torch.zeros(2, 1, 64, 64, dtype=torch.float64)
    mask[0, :, 10:40, 20:50] = torch.rand(30, 30, dtype=torch.float64)
    mask[1, :, 30, 30] = 1
    return net, image, mask


@pytest.mark.parametrize("residual", [True, False])
def test_equations_6_and_7(residual: bool) -> None:
    net, image, mask = prepared(residual)
    output = net(image, mask)
    for n in range(2):
        drawn, given = slow.pixels(output.prediction[n]), slow.pixels(image[n])
        answer = {}
        for place, colour in given.items():
            share = float(mask[n, 0][place])
            if residual:
                answer[place] = colour + drawn[place] * share  # Eq. 7
            else:
                answer[place] = colour * (1 - share) + drawn[place] * share  # Eq. 6, pasted onto the composite
        expected = slow.rebuild(answer, 64, 64)
        torch.testing.assert_close(output.image[n], expected, rtol=TOLERANCE, atol=TOLERANCE)
        ours, theirs = (
            torch.autograd.grad(x.square().sum(), image, retain_graph=True)[0] for x in (output.image[n], expected)
        )
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=TOLERANCE)


def test_an_untrained_residual_network_returns_its_input() -> None:
    net = HarmonizerNet(HarmonizerConfig(width=2)).eval()
    image, mask = torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64) * 0.5
    assert torch.equal(net(image, mask).image, image)


@pytest.mark.parametrize("residual", [True, False])
def test_pixels_outside_the_mask_are_the_composites(residual: bool) -> None:
    net, image, mask = prepared(residual)
    outside = (mask == 0).expand_as(image)
    assert torch.equal(net(image, mask).image[outside], image[outside])
