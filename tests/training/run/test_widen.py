"""A network made wider answers as before, and its copies of a channel part ways when it is trained."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from regharm_core import ConfigError, HarmonizerConfig, HarmonizerNet
from regharm_core.training.run.widen import widen

CONFIG = HarmonizerConfig(width=2, refine=(1, 0, 0, 1), ltl=(16, 32), self_attention=(64,), view=64)


def trained_looking(config: HarmonizerConfig) -> HarmonizerNet:
    """Weights and statistics as after some training: nothing zero, nothing one."""
    torch.manual_seed(0)
    net = HarmonizerNet(config)
    for values in (*net.parameters(), *net.buffers()):
        if values.is_floating_point():
            values.data += 0.1 * torch.rand_like(values)
    return net.eval()


def pictures() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    mask = torch.zeros(2, 1, 64, 64)
    mask[0, :, 10:40, 20:50], mask[1, :, 5:20, 8:60] = 1, 0.5
    return torch.rand(2, 3, 64, 64, generator=random), mask


def answer(net: HarmonizerNet) -> Tensor:
    """In double precision: what differs then comes from the weights' own rounding."""
    image, mask = pictures()
    with torch.no_grad():
        return copy.deepcopy(net).double()(image.double(), mask.double()).prediction


@pytest.mark.parametrize("translation", ["ptl", "rain", "none"])
@pytest.mark.parametrize("gated", [True, False])
def test_the_same_answers(translation: str, gated: bool) -> None:
    net = trained_looking(replace(CONFIG, translation=translation, gated=gated))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    for times in (2, 3):
        wide = widen(net, times)
        assert wide.config == replace(net.config, width=2 * times, temperature=times**0.5) and not wide.training
        answers = [answer(n) for n in (net, wide)]
        assert float(answers[0].std()) > 0.01
        torch.testing.assert_close(answers[1], answers[0], atol=1e-6 * float(answers[0].abs().max()), rtol=0)
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())


def test_the_same_answers_while_training() -> None:
    """Batch statistics of copies are those of the original; the temperature of the first is kept too."""
    net = trained_looking(replace(CONFIG, temperature=0.5)).train()
    wide = widen(net, 2)
    assert wide.training and wide.config.temperature == pytest.approx(0.5 * 2**0.5)
    answers = [answer(n) for n in (net, wide)]
    torch.testing.assert_close(answers[1], answers[0], atol=1e-6 * float(answers[0].abs().max()), rtol=0)


def test_copies_get_gradients_of_their_own() -> None:
    wide = widen(trained_looking(CONFIG), 2).train()
    wide(*pictures()).image.square().sum().backward()
    for name, parameter in wide.named_parameters():
        gradient = parameter.grad
        assert gradient is not None
        axis = int(".up.0" in name)  # a transposed convolution has its outputs second
        if parameter.ndim == 4 and gradient.shape[axis] != 3:  # the head's colours are no copies
            first, second = gradient.unflatten(axis, (-1, 2)).unbind(axis + 1)  # outputs copied beside each other
            if float(gradient.abs().max()) > 1e-6:
                assert float((first - second).norm()) > 1e-3 * float(gradient.norm()), name


def test_a_seed_gives_the_same_network() -> None:
    net = trained_looking(CONFIG)
    first, same, other = widen(net, 2), widen(net, 2), widen(net, 2, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), same.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_what_cannot_be_widened() -> None:
    net = HarmonizerNet(HarmonizerConfig(width=2))
    for times in (1, 0, -2):
        with pytest.raises(ConfigError, match=f"got {times}"):
            widen(net, times)
    with pytest.raises(ConfigError, match="width 2 made 33 times as wide would need 1056 channels"):
        widen(net, 33)
