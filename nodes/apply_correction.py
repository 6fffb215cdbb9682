"""Apply Correction: a change that Harmonize found, on another picture."""

from __future__ import annotations

import torch
from comfy_api.latest import io
from torch import Tensor

from .. import regharm_core as core
from ..regharm_core.picture.correction import beyond
from . import host, status
from .sockets import CATEGORY, STATUS, Correction
from .tensors import common_count, fit_mask, join_image, repeat_rows, row, split_image

REGIONAL, OVERALL = "regional", "overall"
NOTICED = 0.02  # of a mask, beyond what the correction knows


class ApplyCorrection(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="RegHarmApply",
            display_name="Apply Correction",
            category=CATEGORY,
            description="Applies a change that Harmonize found to another picture: the same composite in a higher "
            "resolution, another frame, another crop. No network runs.",
            search_aliases=[
                "apply color correction",
                "copy grade",
                "apply lut",
                "match shot",
                "color transfer",
                "reuse harmonization",
            ],
            inputs=[
                Correction.Input("correction", tooltip="From Harmonize."),
                io.Image.Input("image", tooltip="The picture to be changed. Alpha and values beyond 0..1 are kept."),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="White is what is changed. Without it, all of the image.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=2.0,
                    step=0.05,
                    tooltip="How much of the change is applied: 0 none, 1 as Harmonize applied it, 2 twice that.",
                ),
                io.Combo.Input(
                    "change",
                    options=[REGIONAL, OVERALL],
                    default=REGIONAL,
                    tooltip="regional: place by place, for the same composition in any size. overall: the mean change "
                    "of the foreground everywhere, for another frame or another crop, as Save Correction writes it.",
                ),
            ],
            outputs=[
                io.Image.Output("IMAGE", display_name="image", tooltip="The corrected picture, same size and count.")
            ],
            **STATUS,
        )

    @classmethod
    def execute(
        cls,
        correction: list[core.Correction],
        image: Tensor,
        strength: float,
        change: str,
        mask: Tensor | None = None,
    ) -> io.NodeOutput:
        colours, rest = split_image(image)
        size = (colours.shape[2], colours.shape[3])
        used = torch.ones(1, 1, *size) if mask is None else fit_mask(mask, "mask", size)
        count = common_count(image, used)
        if image.shape[0] == 1:
            count = max(count, len(correction))
        cautions = status.repeated(count, {"mask": used, "correction": correction})
        colours, used = repeat_rows(colours, count), repeat_rows(used, count)
        regional = change == REGIONAL

        def work(n: int) -> Tensor:
            changed = core.apply_correction(
                colours[n],
                row(used, n)[0].to(colours.device),
                _of(correction, n),
                strength=strength,
                regional=regional,
                check=host.check_cancel,
            )
            return changed.movedim(0, -1)

        result = host.one_by_one(count, work)
        cautions += status.stretched({"mask": mask}, size)
        unknown = max(beyond(_of(correction, n), used[n]) for n in range(count)) if regional and strength else 0.0
        if unknown > NOTICED:
            cautions.append(
                f"{status.percent(unknown)} of the mask lies beyond what Harmonize was shown and stays as it is; "
                "change: overall reaches everywhere"
            )
        if all(one.empty for one in correction):
            cautions.append("the correction is empty: Harmonize changed nothing")
        facts = [
            status.changed(colours, result, used, "" if mask is None else "of {} mask", linear=correction[0].linear)
        ]
        return io.NodeOutput(join_image(result, rest), ui=host.status(facts, cautions))


def _of(corrections: list[core.Correction], n: int) -> core.Correction:
    """The correction of picture ``n``; the last where there are fewer."""
    return corrections[min(n, len(corrections) - 1)]
