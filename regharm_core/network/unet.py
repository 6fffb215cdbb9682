"""The generator: a U-Net whose decoder matches the foreground with regions of the background."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import Attention
from .config import HarmonizerConfig
from .face import Harmonizer, HarmonizerOutput, check_shapes
from .layers import UpBlock, cell_maximum, conv_norm_act
from .ltl import LTL, SelfAttention
from .profiles import Rim
from .ptl import PTL
from .rain import RAIN


class HarmonizerNet(Harmonizer):
    """U-Net with LTL and PTL in the decoder (paper, Fig. 2).

    Four input channels (image and mask). Four stages, each a 4x4 convolution of stride 2, reduce the size to 1/16.
    Four levels enlarge it again; each also takes the features of its size from the way down (a skip connection). The
    last convolution, the head, starts at zero: before any training, a residual network's result is its input.
    """

    def __init__(self, config: HarmonizerConfig) -> None:
        super().__init__()
        self.config = config
        c = config.channels
        self.stem = conv_norm_act(4, c[0], 3)
        self.down = nn.ModuleList(conv_norm_act(c[k], c[k + 1], 4, 2) for k in range(4))
        self.up = nn.ModuleList(
            UpBlock(c[4 - k], c[3 - k], gated=config.gated, refine=config.refine[k]) for k in range(4)
        )
        by_size = {16: c[4], 32: c[3], 64: c[2]}
        self.ltl = nn.ModuleDict({str(s): LTL(by_size[s], config.temperature) for s in config.ltl})
        self.self_attention = nn.ModuleDict(
            {str(s): SelfAttention(by_size[s], config.temperature) for s in config.self_attention}
        )
        self.ptl: PTL | None = None
        self.rain: RAIN | None = None
        if config.translation == "ptl":
            self.ptl = PTL(c[1], config.ptl_patch, config.ptl_stride, config.temperature)
        elif config.translation == "rain":
            self.rain = RAIN(c[1])
        self.head = nn.Conv2d(c[0], 3, 3, padding=1)
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self,
        image: Tensor,
        mask: Tensor,
        *,
        reference: Tensor | None = None,
        return_attention: bool = False,
        within: tuple[int, int, int, int] | None = None,
        rim: Rim | None = None,
    ) -> HarmonizerOutput:
        """See :meth:`.face.Harmonizer.forward`."""
        check_shapes(image, mask, reference)
        # Where the foreground may not look: at itself, and outside the reference.
        closed = mask if reference is None else torch.maximum(mask, 1 - reference)
        attention: dict[str, Attention] = {}

        seen = torch.cat([image * 2 - 1, mask], dim=1)
        # In memory the image must lie as the weights do; converting it in each layer would be slow.
        if next(self.stem.parameters()).is_contiguous(memory_format=torch.channels_last):
            seen = seen.contiguous(memory_format=torch.channels_last)
        encoded = [self.stem(seen)]
        for stage in self.down:
            encoded.append(stage(encoded[-1]))
        features = encoded[4]
        features = self._match(features, 16, mask, closed, attention, return_attention)
        for k, level in enumerate(list(self.up)[:3]):
            features = level(features, encoded[3 - k])
            features = self._match(features, 32 << k, mask, closed, attention, return_attention)
        predicted = self._draw(features, encoded[0], within).to(image.dtype)
        if self.config.residual:
            return HarmonizerOutput(image + predicted * mask, predicted, attention)
        predicted = predicted + 0.5
        return HarmonizerOutput(image * (1 - mask) + predicted * mask, predicted, attention)

    def _draw(self, features: Tensor, skip: Tensor, within: tuple[int, int, int, int] | None) -> Tensor:
        """The last level and the head, B c H/2 W/2 and B c' H W -> B 3 H W.

        Where a box is given, only its surroundings are computed; the rest is 0.
        """
        height, width = skip.shape[-2:]
        if within is None:
            return self.head(self.up[3](features, skip))
        reach = self.config.refine[3] + 3  # px by which the convolutions of level and head look beyond the box
        top, left = (max(first - reach, 0) // 2 for first in (within[0], within[2]))
        bottom, right = -(-min(within[1] + reach, height) // 2), -(-min(within[3] + reach, width) // 2)
        deep = features[:, :, top:bottom, left:right]
        top, bottom, left, right = 2 * top, 2 * bottom, 2 * left, 2 * right
        drawn = self.head(self.up[3](deep, skip[:, :, top:bottom, left:right]))
        return F.pad(drawn, (left, width - right, top, height - bottom))

    def _match(
        self, features: Tensor, size: int, mask: Tensor, closed: Tensor, kept: dict[str, Attention], keep: bool
    ) -> Tensor:
        """Change the foreground's features at the decoder resolution ``size``, if the network does so there."""
        name = str(size)
        here = (features.shape[-2], features.shape[-1])
        if name in self.self_attention:
            return self.self_attention[name](features)
        found: Attention | None = None
        translated = size == 128 and (self.ptl is not None or self.rain is not None)
        if name not in self.ltl and not translated:
            return features
        foreground = cell_maximum(mask, here)
        background = 1 - (foreground if closed is mask else cell_maximum(closed, here))
        if name in self.ltl:
            features, found = self.ltl[name](features, foreground, background, return_attention=keep)
            name = f"ltl{size}"
        elif self.ptl is not None:
            features, found = self.ptl(features, foreground, background, return_attention=keep)
            name = "ptl"
        elif self.rain is not None:
            features = self.rain(features, foreground, background)
        if found is not None:
            kept[name] = found
        return features
