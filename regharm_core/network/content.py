"""Regional references matched by content: LTL's idea with the eye's features to compare and colours to fetch.

The paper matches by the decoder's own features, which have to tell what a place is and what is wrong with its colours
at once. Here what a place is comes from the eye (queries and keys), and what is fetched is the appearance of the
background there: its features, and the mean and deviation of its plain colours.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .attention import Attention, attend, gather_tokens, scatter_tokens
from .layers import instance_norm, single_or_double

WIDTH, HEADS = 64, 4  # of queries and keys
COLOURS = 6  # mean and deviation of three channels


class ContentMatch(nn.Module):
    """Each foreground location is told what the background of like content looks like.

    ``forward(features, content, image, foreground, background)``. As in LTL only the foreground's rows of the
    similarity map are computed. Its last layer starts at zero, so an untrained one is the identity. An image without
    background that may be consulted looks at everything.

    Args:
        channels: C of the features.
        content: channels of what is compared.
    """

    def __init__(self, channels: int, content: int) -> None:
        super().__init__()
        self.compare = nn.Conv2d(content, WIDTH, 1, bias=False)  # queries and keys alike: like finds like
        self.sharpness = nn.Parameter(torch.zeros(HEADS))  # of each head's softmax, as a logarithm
        self.values = nn.Linear(channels, channels // HEADS * HEADS)
        inside = channels + COLOURS + channels // HEADS * HEADS + HEADS * COLOURS
        self.fuse = nn.Sequential(nn.Linear(inside, 2 * channels), nn.LeakyReLU(0.2), nn.Linear(2 * channels, channels))
        nn.init.zeros_(self.fuse[2].weight)  # pyright: ignore[reportArgumentType]
        nn.init.zeros_(self.fuse[2].bias)  # pyright: ignore[reportArgumentType]

    def forward(
        self,
        features: Tensor,
        content: Tensor,
        image: Tensor,
        foreground: Tensor,
        background: Tensor,
        *,
        return_attention: bool = False,
    ) -> tuple[Tensor, Attention | None]:
        """Adjust the foreground of a deep feature.

        Args:
            features: B C H W.
            content: B D H W, what is compared.
            image: the composite, B 3 and a multiple of H and W.
            foreground: B 1 H W in [0, 1].
            background: B 1 H W in [0, 1], what may be consulted.
            return_attention: also return the attention as data.

        Returns:
            The features, B C H W, and the :class:`Attention` or None.
        """
        height, width = features.shape[-2:]
        own = self.values.weight.dtype  # layers work in their weights' precision, softmax and statistics in single
        with torch.autocast(features.device.type, enabled=False):
            full, colours = features.to(own), _colours(single_or_double(image), (height, width))
            like = instance_norm(single_or_double(self.compare(content.to(own))))  # B WIDTH H W
            sharp = like * single_or_double(self.sharpness).exp().repeat_interleave(WIDTH // HEADS)[:, None, None]
            keys, tokens, plain = (rearrange(part, "b c h w -> b (h w) c") for part in (like, full, colours))
            allowed = rearrange(background, "b 1 h w -> b (h w)") >= 0.5
            values = rearrange(single_or_double(self.values(tokens)), "b l (n c) -> b l n c", n=HEADS)
            values = torch.cat([values, plain[:, :, None].expand(-1, -1, HEADS, -1)], dim=3)  # B L n C/n+6
            values = rearrange(values, "b l n v -> b l (n v)")

            asked = gather_tokens(torch.cat([sharp, full.to(sharp), colours], dim=1), foreground[:, 0] > 0)
            queries, former, seen = asked.values.split([WIDTH, full.shape[1], COLOURS], dim=2)  # B Lf each
            fetched = attend(queries, keys, values, allowed, 1.0, asked.valid, HEADS)  # B Lf n(C/n+6)
            fused = self.fuse(torch.cat([former, seen, fetched], dim=2).to(own))  # B Lf C
            share = rearrange(foreground, "b 1 h w -> b (h w)").gather(1, asked.index)[..., None]
            answer = scatter_tokens(former + share * fused, asked, features)
        attention = None
        if return_attention:
            size = (height, width)
            cells = single_or_double((background >= 0.5).to(features))
            asked = replace(asked, values=queries)
            attention = Attention(asked, keys, allowed, 1.0, size, size, 1, cells, HEADS)
        return answer, attention


def _colours(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Mean and deviation of the colours of each cell, B 3 H W -> B 6 h w, of about unit size."""
    cell = (image.shape[-2] // size[0], image.shape[-1] // size[1])
    image = image * 2 - 1
    mean = F.avg_pool2d(image, cell)
    deviation = (F.avg_pool2d(image.square(), cell) - mean.square()).clamp_min(0).add(1e-4).sqrt() * 2
    return torch.cat([mean, deviation], dim=1)
