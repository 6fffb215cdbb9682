"""Attention Map: where in the background a foreground looked for its colours."""

from __future__ import annotations

import torch
from comfy_api.latest import io
from torch import Tensor

from .. import regharm_core as core
from ..regharm_core.picture.painted import COLOUR_MAPS, OPACITY
from . import host, status
from .sockets import CATEGORY, STATUS, Harmonizer
from .tensors import common_count, fit_mask, join_image, repeat_rows, split_image


class AttentionMap(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="RegHarmAttention",
            display_name="Attention Map",
            category=CATEGORY,
            description="Shows which parts of the background the network consulted for the foreground's colours, "
            "computed from the network's own attention: the picture in grey, what was asked about outlined, what was "
            "consulted in colour.",
            search_aliases=[
                "attention heatmap",
                "explain harmonization",
                "where does this color come from",
                "heat map",
            ],
            inputs=[
                Harmonizer.Input("harmonizer", tooltip="From Load Harmonizer."),
                io.Image.Input("image", tooltip="The composite, as given to Harmonize."),
                io.Mask.Input("mask", tooltip="White is the foreground, as given to Harmonize."),
                io.Mask.Input(
                    "query_mask",
                    optional=True,
                    tooltip="White is the part of the foreground that is asked about. Without it, all of it.",
                ),
                io.Combo.Input(
                    "layer",
                    options=["PTL", "LTL"],
                    default="PTL",
                    tooltip="PTL compares patterns of overlapping blocks, LTL single locations of a coarse grid. "
                    "A network without PTL shows its LTL.",
                ),
                io.Float.Input(
                    "opacity",
                    default=OPACITY,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="Opacity of the map over the picture: 0 shows the picture alone.",
                ),
                io.Combo.Input(
                    "colours",
                    options=list(COLOUR_MAPS),
                    default=next(iter(COLOUR_MAPS)),
                    tooltip="The heat map's colours.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    "IMAGE",
                    display_name="image",
                    tooltip="The picture in grey, the question outlined, the answer in colour.",
                ),
                io.Mask.Output(
                    "MASK", display_name="map", tooltip="The map alone: white where the most was taken from."
                ),
            ],
            **STATUS,
        )

    @classmethod
    def execute(
        cls,
        harmonizer,
        image: Tensor,
        mask: Tensor,
        layer: str,
        opacity: float,
        colours: str,
        query_mask: Tensor | None = None,
    ) -> io.NodeOutput:
        picture, rest = split_image(image)
        size = (picture.shape[2], picture.shape[3])
        used = fit_mask(mask, "mask", size)
        query = None if query_mask is None else fit_mask(query_mask, "query_mask", size)
        count = common_count(image, used, query)
        cautions = status.repeated(count, {"mask": used, "query_mask": query})
        picture, used = repeat_rows(picture, count), repeat_rows(used, count)
        query = None if query is None else repeat_rows(query, count)

        lacking = layer == "PTL" and harmonizer.model.config.translation != "ptl"

        def work(net: core.Harmonizer, rows: slice, batch: int, progress: host.Progress) -> Tensor:
            device = harmonizer.load_device
            heat = core.attention_map(
                net,
                picture[rows].to(device),
                used[rows].to(device),
                query_mask=None if query is None else query[rows].to(device),
                layer=None if lacking else layer.lower(),
            )
            painted = core.overlay(
                picture[rows].to(device),
                heat,
                mask=used[rows].to(device),
                query=None if query is None else query[rows].to(device),
                opacity=opacity,
                colours=colours,
            )
            progress(heat.shape[0], heat.shape[0])
            return torch.cat([painted, heat], dim=1)

        result = host.in_batches(harmonizer, work, count, size)
        cautions += status.stretched({"mask": mask, "query_mask": query_mask}, size)
        cautions += status.unanswered(used, query, harmonizer.model.config)
        painted, heat = result[..., :3].to(image.dtype), result[..., 3]
        facts = [status.looked_at(heat, used) + (" (LTL: this network has no PTL)" if lacking else "")]
        return io.NodeOutput(join_image(painted, rest), heat, ui=host.status(facts, cautions))
