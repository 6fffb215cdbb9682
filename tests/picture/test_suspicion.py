"""Masks that are probably not what was meant."""

from __future__ import annotations

import pytest
import torch

from regharm_core import HarmonizerConfig
from regharm_core.picture.suspicion import (
    EMPTY,
    FAINT,
    FULL,
    INVERTED,
    LARGE,
    concentration,
    looks_inverted,
    other_shape,
    shows_nothing,
    suspect,
)

SEEN = HarmonizerConfig(view=64)


def disc(height: int, width: int, y: float, x: float, radius: float) -> torch.Tensor:
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    return (((rows - y) ** 2 + (columns - x) ** 2) < radius**2).float()[None]


def test_a_proper_mask_is_not_suspected() -> None:
    for mask in (disc(64, 80, 30, 40, 15), disc(64, 80, 60, 40, 30), torch.ones(1, 64, 80) - disc(64, 80, 0, 0, 50)):
        assert suspect(mask, None, SEEN) is None


def test_empty_and_full() -> None:
    assert suspect(torch.zeros(1, 40, 40), None, SEEN) == EMPTY
    assert suspect(torch.ones(1, 40, 40), None, SEEN) == FULL
    assert suspect(disc(40, 40, 20, 20, 8), torch.zeros(1, 40, 40), SEEN) == FULL


def test_an_inverted_mask_is_seen() -> None:
    assert suspect(1 - disc(64, 80, 30, 40, 15), None, SEEN) == INVERTED
    person = disc(64, 80, 60, 40, 30)  # stands on the lower border
    assert suspect(1 - person, None, SEEN) == INVERTED


def test_a_placed_transparency_is_seen() -> None:
    """A cut-out's own mask (white is transparent), placed on a canvas: a rectangle with a hole."""
    placed = torch.zeros(1, 100, 120)
    placed[:, 30:80, 40:100] = 1 - disc(50, 60, 25, 30, 20)
    assert suspect(placed, None, SEEN) == INVERTED
    placed[:, 30:80, 40:100] = 1
    assert not looks_inverted(placed)


def test_more_than_nine_tenths() -> None:
    mask = torch.ones(1, 64, 64)
    mask[:, :, :5] = 0
    assert suspect(mask, None, SEEN) == LARGE
    mask[:, :, :7] = 0
    assert suspect(mask, None, SEEN) is None


@pytest.mark.parametrize(("level", "kind"), [(0.49, FAINT), (0.51, None), (1 / 255, FAINT)])
def test_a_faint_mask(level: float, kind: str | None) -> None:
    assert suspect(level * disc(64, 80, 30, 40, 15), None, SEEN) == kind


@pytest.mark.parametrize("level", [0.3, 0.9])
def test_a_mask_that_is_never_white_may_be_full_too(level: float) -> None:
    mask = torch.ones(1, 64, 64)
    assert suspect(level * mask, None, SEEN) == FULL
    mask[:, :, :5] = 0
    assert suspect(level * mask, None, SEEN) == LARGE


@pytest.mark.parametrize(("size", "other"), [((60, 80), False), ((64, 64), True), ((61, 80), False), ((80, 60), True)])
def test_other_shapes(size: tuple[int, int], other: bool) -> None:
    assert other_shape(size, (480, 640)) is other


def test_blend_masks_that_show_nothing() -> None:
    mask = disc(40, 40, 20, 20, 8)[None]
    blend = torch.zeros_like(mask)
    assert shows_nothing(mask, blend)
    blend[..., :5, :5] = 1
    assert shows_nothing(mask, blend)
    blend[..., 20, 20] = 0.1
    assert not shows_nothing(mask, blend)
    assert not shows_nothing(torch.zeros_like(mask), torch.zeros_like(mask))


def test_concentration() -> None:
    heat, background = torch.zeros(1, 10, 10), torch.ones(1, 10, 10)
    assert concentration(heat, background) is None
    heat[:, :2] = 1
    assert concentration(heat, background) == pytest.approx(0.1)
    assert concentration(torch.ones(1, 10, 10), background) == pytest.approx(0.5)
    background[:, 5:] = 0
    assert concentration(heat, background) == pytest.approx(0.2)
