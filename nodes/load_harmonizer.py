"""Load Harmonizer: weights from disk to something the other nodes can run."""

from __future__ import annotations

from comfy_api.latest import io

from . import host
from .sockets import CATEGORY, STATUS, Harmonizer


class LoadHarmonizer(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="RegHarmLoad",
            display_name="Load Harmonizer",
            category=CATEGORY,
            description="Loads the weights that Harmonize and Attention Map run with. One set comes with the pack; "
            "nothing is downloaded. Your own go into models/harmonizers.",
            search_aliases=["harmonizer model", "harmonization weights", "regional harmonizer", "rrm"],
            inputs=[
                io.Combo.Input(
                    "weights",
                    options=host.weights_names(),
                    tooltip="Weights from models/harmonizers and those that come with the pack. Where both have a file "
                    "of the same name, yours is used.",
                ),
                io.Combo.Input(
                    "precision",
                    options=["auto", "fp32", "fp16", "bf16"],
                    default="auto",
                    optional=True,
                    tooltip="Precision of the network. auto follows the device: half precision where ComfyUI uses it, "
                    "else fp32. The picture itself keeps its own precision.",
                ),
            ],
            outputs=[
                Harmonizer.Output(
                    "harmonizer",
                    tooltip="The network, managed by ComfyUI: loaded when needed, moved off the device when other "
                    "models need the room.",
                )
            ],
            **STATUS,
        )

    @classmethod
    def fingerprint_inputs(cls, weights: str, precision: str = "auto") -> str:
        """Let the host load again when the file behind a name has changed."""
        path = host.weights_path(weights)
        facts = path.stat()
        return f"{path} {facts.st_mtime_ns} {facts.st_size} {precision}"

    @classmethod
    def execute(cls, weights: str, precision: str = "auto") -> io.NodeOutput:
        patcher = host.load_patcher(host.weights_path(weights), precision)
        return io.NodeOutput(patcher, ui=host.status([host.describe(patcher)]))
