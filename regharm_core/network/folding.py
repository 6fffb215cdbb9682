"""Batch norms merged ("folded") into the convolutions before them, for a network that is only used.

After training a batch norm is a fixed scale and shift for each channel, which the convolution can apply itself.
The network's answer stays the same except for rounding. A folded network can neither be trained nor saved; the
weights file keeps the norms.
"""

from __future__ import annotations

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .face import Harmonizer


def fold_norms(net: Harmonizer) -> Harmonizer:
    """Fold every batch norm that directly follows a convolution, in place.

    Args:
        net: in eval mode.

    Returns:
        The same network.
    """
    for stack in list(net.modules()):
        if not isinstance(stack, nn.Sequential):
            continue
        for place in reversed(range(len(stack) - 1)):
            conv, norm = stack[place], stack[place + 1]
            if isinstance(conv, nn.Conv2d | nn.ConvTranspose2d) and isinstance(norm, nn.BatchNorm2d):
                stack[place] = fuse_conv_bn_eval(conv, norm, transpose=isinstance(conv, nn.ConvTranspose2d))
                del stack[place + 1]
    return net
