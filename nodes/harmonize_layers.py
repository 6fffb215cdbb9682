"""Harmonize Layers: a stack of layers in, the same stack out, each layer matched to what lies beneath it."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from .. import regharm_core as core
from ..regharm_core.picture.describe import change_in_words, measure_change
from ..regharm_core.picture.inputs import SMALLEST
from ..regharm_core.picture.layers import LayerPlace, correct_layer
from . import compositor, host, status
from .sliders import sliders
from .sockets import CATEGORY, STATUS, Harmonizer

OPAQUE = 0.999


class HarmonizeLayers(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="RegHarmLayers",
            display_name="Harmonize Layers",
            category=CATEGORY,
            description="Matches every layer of a stack to what lies beneath it, from the second upwards. Layers stay "
            "layers: place, size, alpha, opacity and blend mode are untouched.",
            search_aliases=["layers", "layered image", "psd", "compositor", "match layers", "harmonize layer stack"],
            inputs=[
                Harmonizer.Input("harmonizer", tooltip="From Load Harmonizer."),
                io.Layers.Input("layers", tooltip="A stack of layers, from Add Layer."),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=2.0,
                    step=0.05,
                    tooltip="How much of the change is applied: 0 none, 1 what the network proposes, 2 twice that.",
                ),
                *sliders(),
            ],
            outputs=[
                io.Layers.Output(
                    "LAYERS",
                    display_name="layers",
                    tooltip="The stack with new colours, for Create Layered Image. Layers in other blend modes than "
                    "normal, hidden ones and the lowest are as they were.",
                )
            ],
            **STATUS,
        )

    @classmethod
    def execute(
        cls,
        harmonizer,
        layers: dict[str, Any],
        strength: float,
        tone: float = 1.0,
        colour: float = 1.0,
        contrast: float = 1.0,
    ) -> io.NodeOutput:
        items = compositor.items_of(layers)
        frames = compositor.frames_of(items)
        canvas = compositor.canvas_of(layers, frames)
        options = {"strength": strength, "tone": tone, "colour": colour, "contrast": contrast}
        seen = [n for n, frame in enumerate(frames) if frame["visible"]]
        said: list[str] = []
        hidden = [f"{_name(frames[n], n)} is hidden and stays as it is" for n in range(len(frames)) if n not in seen]
        left: list[str] = []
        harmonized = 0
        if min(canvas) < SMALLEST:
            raise core.InputError(f"the layers' canvas must have {SMALLEST} px a side or more, got {_size(canvas)}")
        for turn, n in enumerate(seen[1:]):
            frame, name = frames[n], _name(frames[n], n)
            if frame["blend"] not in (None, "normal"):
                left.append(f"{name} is laid down with {frame['blend']} and stays as it is: it is light, not a thing")
                continue
            below = [frames[m] for m in seen[: turn + 1]]
            kept, words = _harmonize(harmonizer, below, frame, canvas, options, (turn, len(seen) - 1))
            said.append(f"{name} {words}")
            harmonized += not kept.empty
            frames[n] = {**frame, "tensor": _corrected(frame, kept, canvas)}
        facts = [f"{status.counted(len(frames), 'layer')}, {harmonized} harmonized" + (":" if said else "")]
        return io.NodeOutput(_document(layers, items, frames), ui=host.status([*facts, *said, *hidden], left))


def _size(canvas: tuple[int, int]) -> str:
    return f"{canvas[1]} x {canvas[0]} px"


def _name(frame: compositor.Frame, n: int) -> str:
    return f"'{frame['name']}'" if frame["name"] else f"layer {n + 1}"


def _harmonize(
    harmonizer: Any,
    below: list[compositor.Frame],
    frame: compositor.Frame,
    canvas: tuple[int, int],
    options: dict[str, float],
    turn: tuple[int, int],
) -> tuple[core.Correction, str]:
    """The change of one layer over what lies beneath it, and what it is in words.

    The network is shown the layer's own colours, as if it were opaque: its opacity mixes them later.
    """
    opaque = {**frame, "opacity": 1.0}
    composite = compositor.render([*below, opaque], canvas)
    mask = compositor.render([opaque], canvas)[..., 3]
    beneath = compositor.render(below, canvas)[..., 3]
    picture = composite[None, ..., :3].movedim(-1, 1)
    reference = None if bool((beneath >= OPAQUE).all()) else beneath[None, None]
    found: list[core.Correction] = []

    def work(net: core.Harmonizer, rows: slice, batch: int, progress: host.Progress) -> Tensor:
        found.clear()
        device = harmonizer.load_device
        return core.harmonize(
            net,
            picture.to(device),
            mask[None, None].to(device),
            reference_mask=None if reference is None else reference.to(device),
            batch_size=batch,
            progress=progress,
            check=host.check_cancel,
            kept=found,
            **options,
        )

    result = host.in_batches(harmonizer, work, 1, canvas, turn=turn)
    if found[0].empty:
        return found[0], "unchanged"
    return found[0], change_in_words(measure_change(picture[0], result[0].movedim(-1, 0), mask[None]))


def _corrected(frame: compositor.Frame, kept: core.Correction, canvas: tuple[int, int]) -> Tensor:
    """A layer's picture, 1 h w C, with its colours changed."""
    image: Tensor = frame["tensor"]
    sides = [float(frame[side]) for side in ("x", "y", "w", "h", "rotation")]
    place = LayerPlace(*sides, frame["flip_h"], frame["flip_v"])
    colours = correct_layer(image[0, ..., :3].movedim(-1, 0), kept, place, canvas, host.check_cancel)
    return torch.cat([colours.movedim(0, -1)[None], image[..., 3:]], dim=-1)


def _document(layers: dict[str, Any], items: list[dict[str, Any]], frames: list[compositor.Frame]) -> dict[str, Any]:
    """The document with the frames' pictures; everything else is what it was."""
    pictures, start = {}, 0
    for item in items:
        stop = start + item["image"].shape[0]
        pictures[id(item)] = torch.cat([frame["tensor"] for frame in frames[start:stop]])
        start = stop
    new = [{**item, "image": pictures[id(item)]} if id(item) in pictures else item for item in layers["layers"]]
    return {**layers, "layers": new}
