"""The eye: EfficientNet-Lite0, which knows what is in a picture, as plain convolutions.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (ICML 2019), in the "Lite"
form (no squeeze and excitation, ReLU6), trained on ImageNet. Its batch norms are folded into the convolutions. It is
frozen: harmonizing reads its features and does not train them, unless a recipe asks for it. The classifier is not part
of it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Kernel, stride, expansion, channels, blocks of the seven stages.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
SEEN = {1: 4, 2: 8, 4: 16, 6: 32}  # stages whose features are given out, and their strides
SLICE = 8  # pictures seen at once on a CPU
CHANNELS = (24, 40, 112, 320)  # of those features


class EfficientNetLite0(nn.Module):
    """B 3 H W in [0, 1] -> the features at 1/4, 1/8, 1/16 and 1/32: B 24, B 40, B 112 and B 320 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv(3, 32, 3, 2)
        self.blocks = nn.ModuleList()
        self.seen: list[int] = []
        channels = 32
        for number, (kernel, stride, expansion, outside, count) in enumerate(STAGES):
            for n in range(count):
                self.blocks.append(InvertedResidual(channels, outside, kernel, stride if n == 0 else 1, expansion))
                channels = outside
            if number in SEEN:
                self.seen.append(len(self.blocks) - 1)

    def deeper(self) -> list[nn.Parameter]:
        """What comes after the features at 1/8: nine tenths of the parameters, at small sizes cheap to train."""
        return [p for block in self.blocks[self.seen[1] + 1 :] for p in block.parameters()]

    def forward(self, image: Tensor) -> list[Tensor]:
        """See the class; sides of features are the picture's divided by the stride, rounded up."""
        if image.device.type == "cpu" and len(image) > SLICE:  # what lies in the cache is twice as fast
            slices = [self(part) for part in image.split(SLICE)]
            return [torch.cat(parts) for parts in zip(*slices, strict=True)]
        features = F.relu6(self.stem((image * 255 - 127) / 128))
        found: list[Tensor] = []
        for number, block in enumerate(self.blocks):
            features = block(features)
            if number in self.seen:
                found.append(features)
        return found


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; added to the input where the shape stays (MobileNetV2's block)."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        self.expand = SameConv(inside, wide) if expansion > 1 else None
        self.filter = SameConv(wide, wide, kernel, stride, groups=wide)
        self.project = SameConv(wide, outside)
        self.adds = stride == 1 and inside == outside

    def forward(self, features: Tensor) -> Tensor:
        wide = features if self.expand is None else F.relu6(self.expand(features))
        answer = self.project(F.relu6(self.filter(wide)))
        return features + answer if self.adds else answer


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding: the output's side is the input's divided by the stride, rounded
    up, and an odd pixel of padding goes to the right and to the bottom."""

    def __init__(self, inside: int, outside: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inside, outside, kernel, stride, 0, groups=groups)

    def forward(self, input: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if kernel == 1:
            return super().forward(input)
        if stride == 1:
            return F.conv2d(input, self.weight, self.bias, 1, kernel // 2, 1, self.groups)
        height, width = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in input.shape[-2:])
        padded = F.pad(input, (width // 2, width - width // 2, height // 2, height - height // 2))
        return super().forward(padded)
