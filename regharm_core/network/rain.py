"""RainNet's region-aware adaptive instance normalisation, PTL's rival of Table 2 ("AdaIN")."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .layers import masked_mean_std, single_or_double


class RAIN(nn.Module):
    """The whole foreground takes the whole background's mean and deviation (Ling et al., CVPR 2021).

    ``forward(features, foreground, background)``: B C H W and two of B 1 H W -> B C H W. Each part has
    its own learned scale and shift, as in RainNet. An image without foreground or background is
    returned as it came.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        shape = (1, channels, 1, 1)
        self.foreground_scale = nn.Parameter(torch.ones(shape))
        self.foreground_shift = nn.Parameter(torch.zeros(shape))
        self.background_scale = nn.Parameter(torch.ones(shape))
        self.background_shift = nn.Parameter(torch.zeros(shape))

    def forward(self, features: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            full = single_or_double(features)
            mean, deviation = masked_mean_std(full, background)
            inside_mean, inside_deviation = masked_mean_std(full, foreground)
            inside = (full - inside_mean) / inside_deviation * deviation + mean
            inside = inside * self.foreground_scale + self.foreground_shift
            outside = (full - mean) / deviation * self.background_scale + self.background_shift
            both = foreground.amax((2, 3), keepdim=True).gt(0) & background.amax((2, 3), keepdim=True).gt(0)
            return torch.where(both, inside * foreground + outside * (1 - foreground), full).to(features.dtype)
