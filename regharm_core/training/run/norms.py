"""Batch norms that learn as they are used: with counted statistics in place of the batch's own.

In training a batch norm divides by what it sees in the batch, in use by what it has counted before. Where batches are
small, or differ from each other in softness, size or kind, the network learns for batches what it never sees again. The
last part of a training is therefore done with the counted statistics (figures: the model card).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def freeze_norms(net: nn.Module) -> int:
    """Let every batch norm use its running statistics, and count no further; scale and shift are still learned.

    Holds until :meth:`torch.nn.Module.train` is called again.

    Returns:
        How many there are.
    """
    norms = [part for part in net.modules() if isinstance(part, _BatchNorm)]
    for norm in norms:
        norm.eval()
    return len(norms)


@torch.no_grad()
def adopt_statistics(net: nn.Module, other: nn.Module) -> None:
    """Give the batch norms of ``net`` the running statistics of another network of the same kind, in place."""
    values = dict(other.named_buffers())
    for name, kept in net.named_buffers():
        if name.endswith((".running_mean", ".running_var")):
            kept.copy_(values[name])
