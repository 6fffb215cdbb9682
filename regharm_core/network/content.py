"""Regional references matched by content: LTL's idea with the eye's features to compare and colours to fetch.

The paper matches by the decoder's own features, which have to tell what a place is and what is wrong with its colours
at once. Here what a place is comes from the eye (queries and keys), and what is fetched is the appearance of the
background there: its features, and the mean and deviation of its plain colours.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .attention import CHUNK_ELEMENTS, Attention, gather_tokens
from .layers import single_or_double

WIDTH, HEADS = 64, 4  # of queries and keys
COLOURS = 6  # mean and deviation of three channels


class ContentMatch(nn.Module):
    """Each foreground location is told what the background of like content looks like.

    ``forward(features, content, image, foreground, background)``. Its last layer starts at zero, so an untrained one is
    the identity. An image without background that may be consulted looks at everything.

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
        with torch.autocast(features.device.type, enabled=False):
            full, colours = single_or_double(features), _colours(single_or_double(image), (height, width))
            tokens = rearrange(full, "b c h w -> b (h w) c")
            plain = rearrange(colours, "b c h w -> b (h w) c")
            keys = rearrange(F.instance_norm(self.compare(single_or_double(content))), "b c h w -> b (h w) c")
            allowed = rearrange(background, "b 1 h w -> b (h w)") >= 0.5
            some = allowed | ~allowed.any(1, keepdim=True)
            values = rearrange(self.values(tokens), "b l (n c) -> b n l c", n=HEADS)
            values = torch.cat([values, plain[:, None].expand(-1, HEADS, -1, -1)], dim=3)  # B n L C/n+6
            sharp = (keys * self.sharpness.exp().repeat_interleave(WIDTH // HEADS)).contiguous()
            fetched = _attend(sharp, keys, values, some)  # B L n(C/n+6)
            fused = self.fuse(torch.cat([tokens, plain, fetched], dim=2))
            share = rearrange(foreground, "b 1 h w -> b (h w) 1")
            answer = rearrange(tokens + share * fused, "b (h w) c -> b c h w", h=height)
        attention = None
        if return_attention:
            size = (height, width)
            asked = gather_tokens(rearrange(sharp, "b (h w) c -> b c h w", h=height), foreground[:, 0] > 0)
            cells = (background >= 0.5).to(full)
            attention = Attention(asked, keys, allowed, 1.0, size, size, 1, cells, heads=HEADS)
        return answer.to(features.dtype), attention


def _colours(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Mean and deviation of the colours of each cell, B 3 H W -> B 6 h w, of about unit size."""
    cell = (image.shape[-2] // size[0], image.shape[-1] // size[1])
    image = image * 2 - 1
    mean = F.avg_pool2d(image, cell)
    deviation = (F.avg_pool2d(image.square(), cell) - mean.square()).clamp_min(0).add(1e-4).sqrt() * 2
    return torch.cat([mean, deviation], dim=1)


def _attend(queries: Tensor, keys: Tensor, values: Tensor, allowed: Tensor) -> Tensor:
    """Every location looks at the allowed ones, a head in each part of d: B L d, B L d, B n L v, B L -> B L (n v)."""
    query, key = (rearrange(part, "b l (n d) -> b n l d", n=HEADS) for part in (queries, keys))
    scale = 1 / math.sqrt(query.shape[3])
    closed = ~allowed[:, None, None]  # B 1 1 L
    length = query.shape[2]
    step = length if torch.is_grad_enabled() else max(CHUNK_ELEMENTS // (query.shape[0] * HEADS * length), 1)
    parts: list[Tensor] = []
    for part in query.split(step, dim=2):
        logits = (part * scale) @ key.transpose(2, 3)
        parts.append(logits.masked_fill(closed, float("-inf")).softmax(3) @ values)
    return rearrange(torch.cat(parts, dim=2), "b n l v -> b l (n v)")
