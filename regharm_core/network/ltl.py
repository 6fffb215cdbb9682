"""Locations-to-location translation (paper, section 3.2, Eq. 1 and 2)."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from .attention import Attention, attend, gather_tokens, scatter_tokens
from .layers import instance_norm, single_or_double


class SelfAttention(nn.Module):
    """Plain self-attention over all locations, added to its input: B C H W -> B C H W.

    It stands in front of LTL's matching; alone it is LTL's rival in Table 2. The learned gain starts at
    zero (SAGAN), so an untrained layer is the identity.
    """

    def __init__(self, channels: int, temperature: float = 1.0) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.gain = nn.Parameter(torch.zeros(1))
        self.temperature = temperature

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[-2:]
        queries, keys, values = rearrange(self.project(features), "b (n c) h w -> n b (h w) c", n=3)
        everywhere = queries.new_ones(queries.shape[:2], dtype=torch.bool)
        mixed = attend(queries, keys, values, everywhere, self.temperature)
        return features + self.gain * rearrange(mixed, "b (h w) c -> b c h w", h=height, w=width)


class LTL(nn.Module):
    """Each foreground location is fused with the background locations most like it.

    After a self-attention layer and instance normalisation, foreground tokens T_f attend to the
    background tokens T_b only (Eq. 1), which gives T_r, and are replaced by ``Linear(Concat(T_f, T_r))``
    (Eq. 2). Only the foreground's rows of the similarity map are computed.

    Deviations: the softmax has a temperature (see :class:`HarmonizerConfig`); where the mask is soft,
    new and old token are mixed by it. An image without foreground or without background keeps its
    normalised features.
    """

    def __init__(self, channels: int, temperature: float = 1.0) -> None:
        super().__init__()
        self.self_attention = SelfAttention(channels, temperature)
        self.fuse = nn.Linear(2 * channels, channels)
        self.temperature = temperature

    def forward(
        self, features: Tensor, foreground: Tensor, background: Tensor, *, return_attention: bool = False
    ) -> tuple[Tensor, Attention | None]:
        """Adjust the foreground of a deep feature.

        Args:
            features: B C H W.
            foreground: B 1 H W in [0, 1].
            background: B 1 H W in [0, 1], what may be consulted.
            return_attention: also return the attention as data.

        Returns:
            The features, B C H W, and the :class:`Attention` or None.
        """
        features = instance_norm(self.self_attention(features))
        height, width = features.shape[-2:]
        reference = rearrange(features, "b c h w -> b (h w) c")
        allowed = rearrange(background, "b 1 h w -> b (h w)") >= 0.5
        usable = allowed.any(1)[:, None, None]
        queries = gather_tokens(features, (foreground[:, 0] > 0) & usable)
        related = attend(queries.values, reference, reference, allowed, self.temperature, queries.valid)  # B Lf C
        fused = self.fuse(torch.cat([queries.values, related], dim=2))  # B Lf C
        share = rearrange(foreground, "b 1 h w -> b (h w)").gather(1, queries.index)[..., None]
        mixed = queries.values + share * (fused - queries.values)
        attention = None
        if return_attention:
            size = (height, width)
            cells = single_or_double((background >= 0.5).to(features))
            attention = Attention(queries, reference, allowed, self.temperature, size, size, 1, cells)
        return scatter_tokens(mixed, queries, features), attention
