"""ComfyUI's tensors to the core's and back: channel order, alpha, masks of any shape, size and count."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..regharm_core import InputError
from ..regharm_core.picture.inputs import check_finite


def split_image(image: Tensor, name: str = "image") -> tuple[Tensor, Tensor | None]:
    """B H W C -> the colours, B 3 H W, and what lies beyond them (alpha), B H W C-3 or None.

    One channel becomes three equal ones, because a harmonized grey need not be grey.

    Raises:
        InputError: on another number of dimensions or channels.
    """
    if image.ndim != 4 or image.shape[3] == 2:
        raise InputError(f"{name} must be [B,H,W,C] with 1, 3 or 4 channels, got a tensor {tuple(image.shape)}")
    if image.shape[3] == 1:
        image = image.expand(-1, -1, -1, 3)
    rest = image[..., 3:] if image.shape[3] > 3 else None
    return image[..., :3].movedim(-1, 1), rest


def join_image(colours: Tensor, rest: Tensor | None) -> Tensor:
    """The inverse of :func:`split_image`: B H W 3 (channels last already) and alpha -> B H W C."""
    if rest is None:
        return colours
    rest = repeat_rows(rest, colours.shape[0]).to(colours.device, colours.dtype)
    return torch.cat([colours, rest], dim=3)


def flatten_mask(mask: Tensor, name: str) -> Tensor:
    """[H,W], [B,H,W], [B,1,H,W] or [B,H,W,1] of any dtype -> floating B 1 H W.

    Raises:
        InputError: when the shape is none of these.
    """
    shape = tuple(mask.shape)
    if mask.ndim == 2:
        mask = mask[None, None]
    elif mask.ndim == 3:
        mask = mask[:, None]
    elif mask.ndim == 4 and shape[3] == 1 and shape[1] != 1:
        mask = mask.movedim(3, 1)
    if mask.ndim != 4 or mask.shape[1] != 1 or 0 in mask.shape:
        raise InputError(f"{name} must be [H,W] or [B,H,W], got a tensor {shape}")
    return mask.float()


def fit_mask(mask: Tensor, name: str, size: tuple[int, int]) -> Tensor:
    """A mask as it comes -> B 1 H W in [0, 1] of the picture's size; its own count is kept.

    A mask of another size is stretched over the picture, as core nodes do.

    Raises:
        InputError: on another shape, or values that are not finite.
    """
    mask = flatten_mask(mask, name)
    check_finite(mask, name)
    if mask.shape[-2:] != size:
        mask = F.interpolate(mask, size, mode="bilinear", antialias=True)
    return mask.clamp(0, 1)


def common_count(image: Tensor, *masks: Tensor | None) -> int:
    """How many pictures come out: as many as went in, or one a mask where a single picture has many masks."""
    if image.shape[0] != 1:
        return image.shape[0]
    return max([1, *(m.shape[0] for m in masks if m is not None)])


def row(tensor: Tensor, n: int) -> Tensor:
    """Row ``n`` as a batch of one; the last where there are fewer."""
    last = min(n, tensor.shape[0] - 1)
    return tensor[last : last + 1]


def repeat_rows(tensor: Tensor, count: int) -> Tensor:
    """``count`` rows: a single one for all (nothing is copied), of several the last repeated, those beyond left out."""
    if tensor.shape[0] == count:
        return tensor
    if tensor.shape[0] == 1:
        return tensor.expand(count, *tensor.shape[1:])
    return tensor[torch.arange(count, device=tensor.device).clamp(max=tensor.shape[0] - 1)]
