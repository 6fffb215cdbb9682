"""Batch norms folded into the convolutions in front of them, once a network is only used.

In use a batch norm is a fixed scale and shift a channel, which the convolution can apply itself. The network
draws the same picture within rounding. Its file keeps the norms: what is folded can neither be trained nor saved.
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
