"""A trained network made wider without changing what it computes, so that training need not start again.

Chen et al., "Net2Net: Accelerating Learning via Knowledge Transfer" (ICLR 2016), for this network.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from ...errors import ConfigError
from ...network.config import CHANNEL_CAP
from ...network.unet import HarmonizerNet

UNEVEN = 1.0  # how much the copies' shares differ; equal copies would stay equal in training


def widen(net: HarmonizerNet, times: int, *, seed: int = 0) -> HarmonizerNet:
    """Copy every channel ``times`` times; a layer that reads a channel divides its weight among the copies at random.

    Attention logits are sums over channels divided by sqrt(C), so they would grow by sqrt(times). The
    configuration's temperature is raised by as much to undo that.

    Args:
        net: left as it is.
        times: 2 or more.
        seed: of the random shares.

    Returns:
        A network of ``times`` the width that gives the same answers but for rounding.

    Raises:
        ConfigError: when ``times`` is below 2 or the wider network would meet the cap on channels.
    """
    old = net.config
    if times < 2:
        raise ConfigError(f"a network is widened 2 or more times, got {times!r}")
    if (most := max(old.channels) * times) > CHANNEL_CAP:
        raise ConfigError(
            f"width {old.width} made {times} times as wide would need {most} channels; the cap is {CHANNEL_CAP}"
        )
    config = replace(old, width=old.width * times, temperature=old.temperature * times**0.5)
    wide = HarmonizerNet(config)
    random = torch.Generator().manual_seed(seed)
    # Which dimension of a weight counts input channels (a transposed convolution's first). Others read no channels.
    inputs = {
        f"{name}.weight": 0 if isinstance(part, nn.ConvTranspose2d) else 1
        for name, part in wide.named_modules()
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)
    }
    state = net.state_dict()
    grown = {
        name: _grown(state[name], tuple(target.shape), inputs.get(name), random)
        for name, target in wide.state_dict().items()
    }
    wide.load_state_dict(grown)
    return wide.train(net.training)


def _grown(values: Tensor, shape: tuple[int, ...], inputs: int | None, random: torch.Generator) -> Tensor:
    """Repeat every dimension that must grow to ``shape``; if dimension ``inputs`` grows, its copies get shares."""
    growth = [after // before for before, after in zip(values.shape, shape, strict=True)]
    for axis, times in enumerate(growth):
        values = values.repeat_interleave(times, dim=axis)
    if inputs is not None and growth[inputs] > 1:
        shares = _shares(shape[1 - inputs], shape[inputs] // growth[inputs], growth[inputs], random)
        shares = shares if inputs == 1 else shares.T
        values = values * shares.reshape(*shares.shape, *(1 for _ in shape[2:]))
    return values


def _shares(outputs: int, groups: int, times: int, random: torch.Generator) -> Tensor:
    """Random positive shares of ``times`` copies, summing to 1 in each group: outputs, groups * times."""
    noise = torch.rand(outputs, groups, times, generator=random) - 0.5
    noise = noise - noise.mean(2, keepdim=True)
    return ((1 + UNEVEN * noise) / times).reshape(outputs, groups * times)
