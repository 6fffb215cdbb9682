"""The attention that LTL and PTL share: foreground locations are the queries, background references the keys.

The similarity map of Eq. 1 and 4 has one row for each foreground location and one column for each reference.
The whole map is not kept: :class:`Attention` keeps queries and keys, and computes from them, in chunks, what is
asked about the map.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from .layers import recomputed, single_or_double

CHUNK_ELEMENTS = 1 << 25  # similarity entries computed at once while nothing is trained (128 MiB in fp32)
CACHE_ELEMENTS = 1 << 18  # the same on a CPU, where the rows in work should stay in the cache
KEPT_ELEMENTS = 1 << 22  # in training on a CPU, a larger similarity map is not stored but computed again


@dataclass(frozen=True)
class Tokens:
    """Selected locations of a feature, packed and padded to the longest image of the batch.

    Attributes:
        values: B L C.
        index: B L, the location ``y * W + x`` of each token (0 where it is padding).
        valid: B L, False where a token is padding.
        packed: False where the tokens are all locations in their order, and those that were not selected the padding.
    """

    values: Tensor
    index: Tensor
    valid: Tensor
    packed: bool = True


def gather_tokens(features: Tensor, selected: Tensor) -> Tokens:
    """Pack the selected locations: B C H W and a boolean B H W -> :class:`Tokens` of B L C.

    In training on a GPU all locations are taken: how many are selected lies there, and asking would make the host wait.
    """
    chosen = rearrange(selected, "b h w -> b (h w)")
    if torch.is_grad_enabled() and features.device.type != "cpu":
        index = torch.arange(chosen.shape[1], device=features.device).expand_as(chosen)
        return Tokens(rearrange(features, "b c h w -> b (h w) c"), index, chosen, packed=False)
    count = chosen.sum(1)
    longest = max(int(count.max()), 1)
    valid = torch.arange(longest, device=features.device)[None] < count[:, None]  # B L
    index = count.new_zeros(valid.shape).masked_scatter_(valid, chosen.nonzero()[:, 1])
    flat = rearrange(features, "b c h w -> b (h w) c")
    values = flat.gather(1, index[..., None].expand(-1, -1, flat.shape[2]))  # B L C
    return Tokens(values, index, valid)


def scatter_tokens(tokens: Tensor, where: Tokens, onto: Tensor) -> Tensor:
    """Put B L C back at ``where.index`` of a copy of ``onto`` (B C H W); padding is dropped."""
    height, width = onto.shape[-2:]
    flat = rearrange(onto, "b c h w -> b (h w) c")
    if not where.packed:
        flat = torch.where(where.valid[..., None], tokens.to(flat.dtype), flat)
        return rearrange(flat, "b (h w) c -> b c h w", h=height, w=width)
    used = where.valid.nonzero(as_tuple=True)
    flat = flat.index_put((used[0], where.index[used]), tokens[used].to(flat.dtype))
    return rearrange(flat, "b (h w) c -> b c h w", h=height, w=width)


def attend(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    allowed: Tensor,
    temperature: float,
    valid: Tensor | None = None,
    heads: int = 1,
) -> Tensor:
    """``Softmax(Q K^T / (temperature * sqrt(C))) V`` over the allowed references (Eq. 1, 4).

    Args:
        queries: B Lf C.
        keys: B K C.
        values: B K D.
        allowed: B K, the references that may be consulted; an image with none gets a finite answer
            that is not used.
        temperature: see :class:`regharm_core.network.config.HarmonizerConfig`.
        valid: B Lf, True for queries, which come first, False for the padding behind them; None where there is none.
        heads: parts of C and of D that are matched apart, each part of C counting as C above.

    Returns:
        B Lf D. To save time on a CPU, nothing is computed for padding (its answers are zero) or for references
        that may not be consulted.
    """

    def apart(part: Tensor) -> Tensor:
        return rearrange(part, "b l (n c) -> (b n) l c", n=heads)

    allowed = allowed | ~allowed.any(1, keepdim=True)
    if queries.device.type != "cpu":
        alike = allowed.repeat_interleave(heads, 0)
        row = _attend(apart(queries), apart(keys), apart(values), alike, temperature)
        return rearrange(row, "(b n) l d -> b l (n d)", n=heads)
    length = queries.shape[1]
    counts = [length] * len(queries) if valid is None else valid.sum(1).tolist()
    rows = []
    images = zip(*(part.split(1) for part in (queries, keys, values, allowed)), strict=True)
    for count, (query, key, value, may) in zip(counts, images, strict=True):
        chosen = slice(None) if bool(may.all()) else may[0].nonzero()[:, 0]
        row = _attend(apart(query[:, :count]), apart(key[:, chosen]), apart(value[:, chosen]), None, temperature)
        row = rearrange(row, "n l d -> 1 l (n d)")
        rows.append(row if count == length else F.pad(row, (0, 0, 0, length - count)))
    return torch.cat(rows)


def _attend(queries: Tensor, keys: Tensor, values: Tensor, allowed: Tensor | None, temperature: float) -> Tensor:
    length, columns = queries.shape[1], keys.shape[0] * keys.shape[1]
    on_cpu = queries.device.type == "cpu"
    step, large = length, False
    if not torch.is_grad_enabled():
        step = (CACHE_ELEMENTS if on_cpu else CHUNK_ELEMENTS) // columns
    elif large := on_cpu and length * columns > KEPT_ELEMENTS:
        step = KEPT_ELEMENTS // 4 // columns

    scale = 1.0 / (temperature * math.sqrt(queries.shape[2]))
    if allowed is None:  # on a CPU plain products train twice as fast as the fused kernel
        queries, turned = queries * scale, keys.transpose(1, 2)

        def mix(part: Tensor) -> Tensor:
            return torch.bmm(torch.bmm(part, turned).to(part.dtype).softmax(2), values)
    else:
        mask = allowed[:, None, :]

        def mix(part: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(part, keys, values, attn_mask=mask, scale=scale)

    parts = [recomputed(mix, part) if large else mix(part) for part in queries.split(max(step, 1), dim=1)]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


@dataclass(frozen=True)
class Attention:
    """What the foreground looked at, kept as queries and keys: any sum over the map can be computed from them.

    Attributes:
        queries: the foreground's tokens, B Lf C.
        keys: B K C.
        allowed: B K, False for references that hold no background.
        temperature: the temperature of the softmax.
        feature_size: (H, W) of the feature whose locations ``queries.index`` counts.
        key_grid: (rows, columns) of the references.
        key_span: the side of a reference, in cells; neighbouring references lie one cell apart.
        cells: how much of each cell may be consulted, B 1 rows+span-1 columns+span-1.
        heads: parts of the channels that are matched apart; the map is the mean of theirs.
    """

    queries: Tokens
    keys: Tensor
    allowed: Tensor
    temperature: float
    feature_size: tuple[int, int]
    key_grid: tuple[int, int]
    key_span: int
    cells: Tensor
    heads: int = 1

    def weights(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Rows ``start:stop`` of the softmax, B L K; rows of padding and of images without references are zero."""
        queries, keys = (
            rearrange(single_or_double(part), "b l (n d) -> b n l d", n=self.heads)
            for part in (self.queries.values[:, start:stop], self.keys)
        )
        logits = queries @ keys.transpose(2, 3) / (self.temperature * math.sqrt(queries.shape[3]))  # B n L K
        some = self.allowed.any(1)[:, None, None]
        logits = logits.masked_fill((~self.allowed[:, None] & some)[:, None], float("-inf"))
        return logits.softmax(3).mean(1) * (self.queries.valid[:, start:stop, None] & some)

    def contribution(self, query_weight: Tensor | None = None) -> Tensor:
        """How much each reference gave to the foreground (the paper's Fig. 5), B rows columns, summing to 1.

        Args:
            query_weight: B 1 H W at ``feature_size``: which part of the foreground is asked about (all
                of it where None). An image without any query gets zeros.
        """
        batch, length = self.queries.index.shape
        total = single_or_double(self.keys).new_zeros(batch, self.keys.shape[1])
        if query_weight is None:
            weight = total.new_ones(batch, length)
        else:
            weight = rearrange(query_weight.to(total.dtype), "b 1 h w -> b (h w)").gather(1, self.queries.index)
        weight = weight * self.queries.valid
        step = max(CHUNK_ELEMENTS // (batch * self.heads * self.keys.shape[1]), 1)
        for start in range(0, length, step):
            rows = self.weights(start, start + step)
            total = total + torch.einsum("blk,bl->bk", rows, weight[:, start : start + step])
        total = total / total.sum(1, keepdim=True).clamp_min(1e-12)
        return rearrange(total, "b (r c) -> b r c", r=self.key_grid[0])
