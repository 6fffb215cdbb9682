"""What a public call accepts as a picture and its masks."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import InputError

SMALLEST, LARGEST = 16, 32768  # px a side


def check_inputs(
    image: Tensor, mask: Tensor, reference_mask: Tensor | None, *, called: str = "mask"
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Check the tensors of a public call; masks come back as fp32 in [0, 1] on the image's device.

    Args:
        image, mask, reference_mask: of the call.
        called: the mask's own name there.

    Raises:
        InputError: naming the argument and quoting what was received.
    """
    for name, tensor in (("image", image), (called, mask), ("reference_mask", reference_mask)):
        if tensor is None and name == "reference_mask":
            continue
        if not isinstance(tensor, Tensor):
            raise InputError(f"{name} must be a tensor, got {type(tensor).__name__}")
        if not tensor.dtype.is_floating_point:
            raise InputError(f"{name} must be floating point, got {tensor.dtype}")
        channels = 3 if name == "image" else 1
        if tensor.ndim != 4 or tensor.shape[1] != channels:
            raise InputError(f"{name} must be B {channels} H W, got a tensor {tuple(tensor.shape)}")
        if (tensor.shape[0], *tensor.shape[2:]) != (image.shape[0], *image.shape[2:]):
            raise InputError(f"{name} ({_count(tensor)}) does not fit the image ({_count(image)})")
        if not all(SMALLEST <= side <= LARGEST for side in tensor.shape[2:]):
            raise InputError(f"{name} must have {SMALLEST} to {LARGEST} px a side, got {_size(tensor)}")
        check_finite(tensor, name)
    mask = mask.to(image.device, torch.float32).clamp(0, 1)
    if reference_mask is not None:
        reference_mask = reference_mask.to(image.device, torch.float32).clamp(0, 1)
    return image, mask, reference_mask


def check_finite(tensor: Tensor, name: str) -> None:
    """Refuse NaN and infinity.

    Raises:
        InputError: naming the argument.
    """
    if tensor.numel() and not all(math.isfinite(end) for end in torch.stack(tensor.aminmax()).tolist()):
        raise InputError(f"{name} holds values that are not finite (NaN or infinity)")


def _size(tensor: Tensor) -> str:
    """As a person says it, "640 x 480 px", width first."""
    return f"{tensor.shape[3]} x {tensor.shape[2]} px"


def _count(tensor: Tensor) -> str:
    return f"{tensor.shape[0]} of {_size(tensor)}"
