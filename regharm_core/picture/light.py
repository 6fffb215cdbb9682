"""Scene-linear light and the values that a display is sent (sRGB, IEC 61966-2-1)."""

from __future__ import annotations

from torch import Tensor

from ..errors import InputError

SRGB, LINEAR = "sRGB", "linear"  # how a picture's values are encoded


def is_linear(encoding: str) -> bool:
    """Whether values are linear light.

    Raises:
        InputError: on any other word than the two.
    """
    if encoding not in (SRGB, LINEAR):
        raise InputError(f"encoding must be {SRGB!r} or {LINEAR!r}, got {encoding!r}")
    return encoding == LINEAR


def encode(light: Tensor) -> Tensor:
    """Linear light to display values, of any size; what lies outside of [0, 1] is brought to its nearest end first."""
    light = light.clamp(0, 1)
    return (light * 12.92).where(light <= 0.0031308, 1.055 * light.clamp_min(0.0031308).pow(1 / 2.4) - 0.055)


def decode(values: Tensor) -> Tensor:
    """Display values to linear light; the curve goes on above 1, and below 0 as a straight line."""
    return (values / 12.92).where(values <= 0.04045, ((values.clamp_min(0.04045) + 0.055) / 1.055).pow(2.4))
