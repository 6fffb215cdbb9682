"""The list of nodes that ComfyUI asks for."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from . import compositor, host
from .apply_correction import ApplyCorrection
from .attention_map import AttentionMap
from .harmonize import Harmonize
from .load_harmonizer import LoadHarmonizer
from .paste_cutout import PasteCutout
from .sample_composite import SampleComposite
from .save_correction import SaveCorrection


class RegHarmExtension(ComfyExtension):
    async def on_load(self) -> None:
        host.register_weights_folder()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        listed = [
            LoadHarmonizer,
            Harmonize,
            PasteCutout,
            ApplyCorrection,
            SaveCorrection,
            AttentionMap,
            SampleComposite,
        ]
        if compositor.is_known():
            from .harmonize_layers import HarmonizeLayers

            listed.append(HarmonizeLayers)
        return listed
