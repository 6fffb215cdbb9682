"""The list of nodes that ComfyUI asks for."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from . import host
from .attention_map import AttentionMap
from .harmonize import Harmonize
from .load_harmonizer import LoadHarmonizer
from .sample_composite import SampleComposite


class RegHarmExtension(ComfyExtension):
    async def on_load(self) -> None:
        host.register_weights_folder()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [LoadHarmonizer, Harmonize, AttentionMap, SampleComposite]
