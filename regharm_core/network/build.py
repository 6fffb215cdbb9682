"""From a configuration to the network that it describes."""

from __future__ import annotations

import torch

from .config import HarmonizerConfig
from .face import Harmonizer
from .mapnet import MapNet
from .unet import HarmonizerNet


def build_network(config: HarmonizerConfig) -> Harmonizer:
    """The network of this configuration, untrained."""
    return MapNet(config) if config.layout == "maps" else HarmonizerNet(config)


def parameter_count(config: HarmonizerConfig) -> int:
    """Learned numbers of a network of this configuration, counted without allocating them. The eye's are among them."""
    with torch.device("meta"):
        return sum(p.numel() for p in build_network(config).parameters())
