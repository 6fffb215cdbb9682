"""The host's own compositor, which came in August 2026 with the type LAYERS: its layers, and its picture of them."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from torch import Tensor

Frame = dict[str, Any]  # one picture of a layer, as the host's compositor has it


def is_known() -> bool:
    """Whether this host has layers."""
    if not hasattr(io, "Layers"):
        return False
    try:
        _host()
    except ImportError:
        return False
    return True


def items_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The raster layers of a document, the lowest first."""
    return _host().document_items(document)


def frames_of(items: list[dict[str, Any]]) -> list[Frame]:
    """Every picture of every layer, the lowest first, with where and how it is laid down."""
    return _host().expand_item_frames(items)


def canvas_of(document: dict[str, Any], frames: list[Frame]) -> tuple[int, int]:
    """Height and width of the canvas."""
    width, height = _host().document_canvas(document) or _host().canvas_extent(frames)
    return height, width


def render(frames: list[Frame], canvas: tuple[int, int]) -> Tensor:
    """What the host makes of layers: H W 4 in [0, 1], blend modes, opacity and all."""
    core = _host()
    pictures = [frame["tensor"] for frame in frames]
    alphas = [core.frame_alpha(frame["tensor"], frame["mask"]) for frame in frames]
    state = core.state_from_items(frames, (canvas[1], canvas[0]))
    return core.composite_from_state(pictures, state, alphas)[0]


def _host() -> Any:
    from comfy_extras import nodes_compositor

    return nodes_compositor
