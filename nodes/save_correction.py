"""Save Correction: a change that Harmonize found, as a look-up table for any grading tool."""

from __future__ import annotations

from comfy_api.latest import io

from .. import regharm_core as core
from ..regharm_core.picture.cube import POINTS, write_cube
from . import host, status
from .sockets import CATEGORY, STATUS, Correction

NOTICED = 1.0  # of 255: a regional part below it is not worth a word


class SaveCorrection(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="RegHarmSaveCorrection",
            display_name="Save Correction",
            category=CATEGORY,
            description="Writes the foreground's overall change into the output folder as a .cube look-up table "
            f"({POINTS} points), which grading tools, video editors and game engines read. One file a picture.",
            search_aliases=["save lut", "export lut", "cube file", "3d lut", "save color correction", "export grade"],
            inputs=[
                Correction.Input("correction", tooltip="From Harmonize."),
                io.String.Input(
                    "filename_prefix",
                    default="harmonizer/correction",
                    tooltip="Name of the file below ComfyUI's output folder; a number and .cube are added.",
                ),
            ],
            outputs=[],
            is_output_node=True,
            **STATUS,
        )

    @classmethod
    def execute(cls, correction: list[core.Correction], filename_prefix: str) -> io.NodeOutput:
        title = filename_prefix.rsplit("/", 1)[-1]
        comments = ["The overall colour change of a harmonized foreground, for values coded as they are shown (sRGB)"]
        texts = [write_cube(one.overall, title=title, comments=comments) for one in correction]
        saved = host.save_text(filename_prefix, ".cube", texts)
        more = f" and {len(saved) - 1} more" if len(saved) > 1 else ""
        cautions: list[str] = []
        regional = max(one.regional for one in correction)
        if regional >= NOTICED:
            cautions.append(
                f"the change differs by {regional:.0f} of 255 from place to place; a table holds only what is common"
            )
        if all(one.empty for one in correction):
            cautions.append("the correction is empty: Harmonize changed nothing")
        facts = [f"saved output/{saved[0]}{more}, {status.counted(POINTS, 'point')} a side"]
        return io.NodeOutput(ui=host.status(facts, cautions))
