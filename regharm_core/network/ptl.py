"""Patches-to-location translation (paper, section 3.3, Eq. 3 to 5)."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .attention import Attention, attend, gather_tokens, scatter_tokens
from .layers import EPSILON, about_the_mean, instance_norm, masked_mean_std, recomputed, single_or_double

REFERENCE_SIZE = 128  # the feature size at which the squeezing kernel is defined (256 px input)


class PTL(nn.Module):
    """Each foreground location takes mean and deviation of the background blocks most like it.

    The background is cut into overlapping blocks B_n with masks P_n. A block's appearance is its
    masked mean and deviation (Eq. 3, as the masked variance: the print squares after summing); its
    content token is the instance-normalised block squeezed to 1 x C by a depthwise projection. The
    foreground's content is its feature normalised inside the foreground. Attention between the
    contents fetches deviation V and mean A from the blocks (Eq. 4), and the location becomes
    ``T = C_f * V + A`` (Eq. 5).

    The blocks themselves (K x C x h x w) are never stored: the sum over a block is a sum over cells of
    the stride's size, and the squeeze of a normalised block is ``(conv(B P) - mu conv(P)) / sigma``.

    Deviations: the softmax has a temperature; for soft masks a block is weighted by P once, not twice;
    blocks without background are not consulted; where the mask is soft, new and old feature are mixed by
    it. Where a side of the feature is no multiple of the stride fraction, blocks are taken from a copy
    resized up to the next multiple. Other sizes than 128 use the same kernel, resampled.
    """

    def __init__(
        self, channels: int, patch: int = 8, stride: int = 32, temperature: float = 1.0, *, by_content: bool = False
    ) -> None:
        super().__init__()
        self.cells = stride  # cells a side
        self.span = stride // patch  # cells a side of one block
        self.temperature = temperature
        self.squeeze: nn.Parameter | None = None  # blocks are compared by their squeezed features, or by content
        if by_content:
            return
        size = REFERENCE_SIZE // patch
        # Normalised blocks have zero mean, so a flat kernel would always give 0. The kernel starts as
        # centre minus surround, plus noise that differs from channel to channel.
        ramp = (torch.arange(size) + 0.5) / size - 0.5
        bump = torch.exp(-(ramp[:, None].square() + ramp[None].square()) / (2 * 0.15**2))
        kernel = bump / bump.sum() - 1 / size**2 + 0.3 / size**2 * torch.randn(channels, size, size)
        self.squeeze = nn.Parameter(kernel)

    def forward(
        self,
        features: Tensor,
        foreground: Tensor,
        background: Tensor,
        *,
        content: Tensor | None = None,
        return_attention: bool = False,
    ) -> tuple[Tensor, Attention | None]:
        """Adjust the foreground of a shallow feature.

        Args:
            features: B C H W.
            foreground: B 1 H W in [0, 1].
            background: B 1 H W in [0, 1], what may be consulted.
            content: B D H W, compared in place of the features: a location by its content, a block by the mean of its
                background's (not in the paper). The appearance that is fetched is the features' all the same.
            return_attention: also return the attention as data.

        Returns:
            The features, B C H W, and the :class:`Attention` or None.
        """
        size = (features.shape[-2], features.shape[-1])
        with torch.autocast(features.device.type, enabled=False):
            full, inside, outside = (single_or_double(part) for part in (features, foreground, background))
            known = None if content is None else instance_norm(single_or_double(content))
            mean, deviation, keys, allowed = self.blocks(full, outside, known)
            usable = allowed.any(1)[:, None, None]
            former = gather_tokens(full, (foreground[:, 0] > 0) & usable)
            share = rearrange(inside, "b 1 h w -> b (h w)").gather(1, former.index) * former.valid  # B Lf
            queries = replace(former, values=_normalised(former.values, share))
            appearance = torch.cat([deviation, mean], dim=2)  # B K 2C: one attention fetches both
            asked = queries
            if known is not None:
                asked = gather_tokens(known, (foreground[:, 0] > 0) & usable)
            fetched = attend(asked.values, keys, appearance, allowed, self.temperature, queries.valid)  # B Lf 2C
            scale, shift = fetched.chunk(2, dim=2)
            translated = queries.values * scale + shift  # B Lf C, Eq. 5
            mixed = former.values + share[..., None] * (translated - former.values)
        attention = None
        if return_attention:
            side = self.cells - self.span + 1
            cells = F.adaptive_avg_pool2d(outside, self.cells)
            attention = Attention(asked, keys, allowed, self.temperature, size, (side, side), self.span, cells)
        return scatter_tokens(mixed, queries, features), attention

    def blocks(
        self, features: Tensor, background: Tensor, known: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Appearance and content of every block (Eq. 3): B C H W, B 1 H W -> mean, deviation, content
        (each B K C) and which blocks hold background (B K, True). Where ``known`` is given (B D H W), a block's
        content is the mean of its background's, B K D."""
        height, width = (_next_multiple(side, self.cells) for side in features.shape[-2:])
        if (height, width) != tuple(features.shape[-2:]):
            features = F.interpolate(features, (height, width), mode="bilinear", align_corners=False)
            background = F.interpolate(background, (height, width), mode="bilinear", align_corners=False)
            if known is not None:
                known = F.interpolate(known, (height, width), mode="bilinear", align_corners=False)
        # Variances are computed from sums of squares; subtracting the background's mean first keeps them exact.
        centre = about_the_mean(features.detach(), background)
        area = self._sum(background)  # B 1 K
        inverse = area.clamp_min(1e-6).reciprocal()
        cell = (height // self.cells, width // self.cells)
        first, second, *squeezed = recomputed(self._moments, features - centre, background, cell)
        mean = first * inverse  # B C K
        variance = second * inverse - mean.square()
        deviation = (variance.clamp_min(0) + EPSILON).sqrt()
        if known is not None:
            content = self._sum(known * background) * inverse
        else:
            content = (squeezed[0] - mean * self._project(background, cell)) / deviation
        mean = mean + centre[:, :, :, 0]
        tokens = [rearrange(part, "b c k -> b k c") for part in (mean, deviation, content)]
        return tokens[0], tokens[1], tokens[2], area[:, 0] > 0.5

    def _moments(self, features: Tensor, background: Tensor, cell: tuple[int, int]) -> tuple[Tensor, ...]:
        """Each block's weighted sum, sum of squares and, if it has one, squeeze: B C H W, B 1 H W -> each B C K."""
        weighted = features * background
        sums = self._sum(weighted), self._sum(weighted * features)
        return sums if self.squeeze is None else (*sums, self._project(weighted, cell))

    def _sum(self, values: Tensor) -> Tensor:
        """Sum over each block: B C H W -> B C K.

        Cells are summed first; then shifted copies are added, along rows and along columns. Pooling would train
        three times slower on a CPU, and a GPU might compute a convolution with ones in TF32, with too few digits.
        """
        cell = (values.shape[2] // self.cells, values.shape[3] // self.cells)
        sums = values if cell == (1, 1) else F.avg_pool2d(values, cell, divisor_override=1)  # B C cells cells
        side = self.cells - self.span + 1
        for axis in (2, 3):
            sums = reduce(torch.add, (sums.narrow(axis, n, side) for n in range(self.span)))
        return sums.flatten(2)

    def _kernel(self, cell: tuple[int, int]) -> Tensor:
        """The kernel resampled for cells of this size: C 1 h w, where h w is a block's size."""
        size = (self.span * cell[0], self.span * cell[1])
        if self.squeeze is None:
            raise TypeError("this PTL compares content: give it some")
        kernel = single_or_double(self.squeeze[:, None])
        if size != tuple(kernel.shape[-2:]):
            ratio = kernel.shape[-2] * kernel.shape[-1] / (size[0] * size[1])
            kernel = F.interpolate(kernel, size, mode="bilinear", align_corners=False) * ratio
        return kernel

    def _project(self, values: Tensor, cell: tuple[int, int]) -> Tensor:
        """Depthwise strided convolution with ``squeeze``: B C H W (or B 1 H W) -> B C K.

        In training, if a cell has several locations, one matrix product multiplies every cell with every part of
        the kernel, and shifted copies of the products are added. A depthwise 16 x 16 convolution would train many
        times slower on a CPU.
        """
        kernel = self._kernel(cell)
        if cell == (1, 1) or not torch.is_grad_enabled():
            return F.conv2d(values, kernel, stride=cell, groups=values.shape[1]).flatten(2)
        parts = rearrange(kernel, "c 1 (i h) (j w) -> c (i j) (h w)", i=self.span, j=self.span)
        cells = rearrange(values, "b c (y h) (x w) -> b c (h w) (y x)", y=self.cells, x=self.cells)
        answers = rearrange(parts @ cells, "b c k (y x) -> k b c y x", y=self.cells)
        side = self.cells - self.span + 1
        shifted = [
            part[:, :, n // self.span : n // self.span + side, n % self.span : n % self.span + side]
            for n, part in enumerate(answers.unbind(0))
        ]
        return torch.stack(shifted).sum(0).flatten(2)  # B C side side, flattened


def _normalised(tokens: Tensor, share: Tensor) -> Tensor:
    """Tokens B L C with weights B L, normalised over their image's."""
    mean, deviation = masked_mean_std(rearrange(tokens, "b l c -> b c l 1"), rearrange(share, "b l -> b 1 l 1"))
    return (tokens - rearrange(mean, "b c 1 1 -> b 1 c")) / rearrange(deviation, "b c 1 1 -> b 1 c")


def _next_multiple(number: int, step: int) -> int:
    return -(-number // step) * step
