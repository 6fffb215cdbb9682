"""Transformer blocks on the deepest features: each place of the picture asks all others (not in the paper).

Vaswani et al., "Attention is all you need" (NeurIPS 2017), normed first as in Dosovitskiy et al., "An image is worth
16x16 words" (ICLR 2021). The features come from convolutions and hold the masks, so places need no code of their own.
"""

from __future__ import annotations

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

HEADS = 4
WIDER = 4  # times the channels, between the two layers of a block's perceptron


class Block(nn.Module):
    """B L C -> B L C. Its last layers start at zero, so an untrained one is the identity.

    Args:
        channels: C, a multiple of HEADS.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.before = nn.LayerNorm(channels)
        self.ask = nn.Linear(channels, 3 * channels)  # queries, keys, values
        self.told = nn.Linear(channels, channels)
        self.between = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, WIDER * channels)
        self.narrow = nn.Linear(WIDER * channels, channels)
        for layer in (self.told, self.narrow):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor, allowed: Tensor | None = None) -> Tensor:
        """One step of asking and thinking.

        Args:
            tokens: B L C.
            allowed: B L, True for the places that may be asked, at least one of each image; all where None.
        """
        queries, keys, values = rearrange(self.ask(self.before(tokens)), "b l (k n c) -> k b n l c", k=3, n=HEADS)
        seen = None if allowed is None else allowed[:, None, None]
        found = F.scaled_dot_product_attention(queries, keys, values, seen)
        tokens = tokens + self.told(rearrange(found, "b n l c -> b l (n c)"))
        return tokens + self.narrow(F.gelu(self.widen(self.between(tokens))))


class Blocks(nn.Sequential):
    """Several blocks on a feature map: B C H W -> B C H W.

    Args:
        channels: C.
        count: of blocks; none is the identity.
    """

    def __init__(self, channels: int, count: int) -> None:
        super().__init__(*(Block(channels) for _ in range(count)))

    def forward(self, features: Tensor, allowed: Tensor | None = None) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Let places ask those where ``allowed`` (B 1 H W, all where None) is one half or more, or all if none is."""
        if not len(self):
            return features
        height = features.shape[2]
        tokens = rearrange(features, "b c h w -> b (h w) c")
        if allowed is not None:
            allowed = rearrange(allowed, "b 1 h w -> b (h w)") >= 0.5
            allowed = allowed | ~allowed.any(1, keepdim=True)
        for block in self:
            tokens = block(tokens, allowed)
        return rearrange(tokens, "b (h w) c -> b c h w", h=height)
