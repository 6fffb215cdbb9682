"""Paste Cut-out: a cut-out and a background in, the composite and its mask out."""

from __future__ import annotations

import torch
from comfy_api.latest import io
from torch import Tensor

from ..regharm_core.picture.paste import ANCHORS, LARGEST_DEFRINGE, Placement, defringe, paste, scaled_size
from ..regharm_core.picture.suspicion import looks_inverted
from . import host, status
from .sockets import CATEGORY, STATUS
from .tensors import fit_mask, flatten_mask, row, split_image

FURTHEST = 16384  # px


class PasteCutout(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="RegHarmPaste",
            display_name="Paste Cut-out",
            category=CATEGORY,
            description="Lays a cut-out on a background: placed, scaled, turned, without fringes. Gives the composite "
            "and its mask on the whole canvas, as Harmonize wants them.",
            search_aliases=[
                "paste",
                "cutout",
                "cut out",
                "blend",
                "composite",
                "compositing",
                "place object",
                "overlay image",
                "image composite masked",
                "insert object",
                "defringe",
            ],
            inputs=[
                io.Image.Input("background", tooltip="The picture that the cut-out is laid on. It keeps its size."),
                io.Image.Input(
                    "cutout",
                    tooltip="The picture of what is pasted: with an alpha channel (RGBA), or with its mask beside it.",
                ),
                io.Int.Input(
                    "x",
                    default=0,
                    min=-FURTHEST,
                    max=FURTHEST,
                    tooltip="Pixels from the background's left border to the cut-out's anchor.",
                ),
                io.Int.Input(
                    "y",
                    default=0,
                    min=-FURTHEST,
                    max=FURTHEST,
                    tooltip="Pixels from the background's upper border to the cut-out's anchor.",
                ),
                io.Float.Input(
                    "scale",
                    default=1.0,
                    min=0.01,
                    max=16.0,
                    step=0.01,
                    tooltip="Size of the cut-out: 1 as it is, 0.5 half as wide and high.",
                ),
                io.Float.Input(
                    "rotation",
                    default=0.0,
                    min=-360.0,
                    max=360.0,
                    step=0.5,
                    tooltip="Degrees, clockwise, around the anchor.",
                ),
                io.Combo.Input(
                    "anchor",
                    options=list(ANCHORS),
                    default=next(iter(ANCHORS)),
                    tooltip="The point of the cut-out that x and y place, and that stays when it is scaled or turned. "
                    "bottom is handy for what stands on something.",
                ),
                io.Mask.Input(
                    "cutout_mask",
                    optional=True,
                    tooltip="White is transparent, as Load Image gives it. Connect both outputs of Load Image and "
                    "nothing more is needed. For a mask where white is the object, switch invert_mask on.",
                ),
                io.Boolean.Input(
                    "invert_mask",
                    default=False,
                    optional=True,
                    tooltip="For masks where white is the object, such as those of segmentation nodes.",
                ),
                io.Boolean.Input(
                    "flip",
                    default=False,
                    optional=True,
                    tooltip="Mirror the cut-out left to right before it is turned.",
                ),
                io.Int.Input(
                    "defringe",
                    default=0,
                    min=0,
                    max=LARGEST_DEFRINGE,
                    optional=True,
                    tooltip="Take the old background's colour out of the rim: so many pixels inwards from the edge, "
                    "colours are continued from inside the object. 2 or 3 for most cut-outs.",
                ),
            ],
            outputs=[
                io.Image.Output("IMAGE", display_name="image", tooltip="The composite, in the background's size."),
                io.Mask.Output(
                    "MASK",
                    display_name="mask",
                    tooltip="White is the cut-out, on the whole canvas: what Harmonize takes as its mask.",
                ),
            ],
            **STATUS,
        )

    @classmethod
    def execute(
        cls,
        background: Tensor,
        cutout: Tensor,
        x: int,
        y: int,
        scale: float,
        rotation: float,
        anchor: str,
        cutout_mask: Tensor | None = None,
        invert_mask: bool = False,
        flip: bool = False,
        defringe: int = 0,
    ) -> io.NodeOutput:
        placement = Placement(x, y, scale, rotation, anchor, flip)
        behind, behind_alpha = split_image(background, "background")
        colours, alpha = split_image(cutout, "cutout")
        size = (colours.shape[2], colours.shape[3])
        cover = _cover(alpha, cutout_mask, invert_mask, colours)
        count = max(background.shape[0], cutout.shape[0], cover.shape[0])

        def work(n: int) -> Tensor:
            canvas = row(behind, n)
            if behind_alpha is not None:
                canvas = torch.cat([canvas, row(behind_alpha, n).movedim(-1, 1).to(canvas)], dim=1)
            front, seen = row(colours, n).to(canvas.device), row(cover, n).to(canvas.device)
            cleaned = clean(front, seen, defringe)
            host.check_cancel()
            laid, mask = paste(canvas, cleaned, seen, placement)
            host.check_cancel()
            return torch.cat([laid.float(), mask], dim=1)[0].movedim(0, -1)

        result = host.one_by_one(count, work)
        image, mask = result[..., :-1].to(background.dtype), result[..., -1]
        masks = None if cutout_mask is None else flatten_mask(cutout_mask, "cutout_mask")
        counts = {"background": background, "cut-out": cutout, "cut-out mask": masks}
        cautions = status.repeated(count, counts) + status.stretched({"cutout_mask": cutout_mask}, size)
        cautions += _doubts(alpha, cutout_mask, cover, mask)
        height, width = scaled_size(size, scale)
        facts = [f"{status.counted(count)}, cut-out {width} x {height} px, {status.covered(mask)} of the canvas"]
        return io.NodeOutput(image, mask, ui=host.status(facts, cautions))


clean = defringe  # the node's input of the same name hides it


def _cover(alpha: Tensor | None, mask: Tensor | None, invert: bool, colours: Tensor) -> Tensor:
    """What is seen of the cut-out, B 1 h w: its alpha times what its mask leaves."""
    size = (colours.shape[2], colours.shape[3])
    cover = torch.ones_like(colours[:, :1], dtype=torch.float32)
    if alpha is not None:
        cover = alpha[..., :1].movedim(-1, 1).float().clamp(0, 1)
    if mask is None:
        return cover
    fitted = fit_mask(mask, "cutout_mask", size).to(cover.device)
    seen = fitted if invert else 1 - fitted
    count = max(cover.shape[0], seen.shape[0])
    return torch.cat([row(cover, n) * row(seen, n) for n in range(count)])


def _doubts(alpha: Tensor | None, given: Tensor | None, cover: Tensor, mask: Tensor) -> list[str]:
    """What a person should look at: no transparency at all, a mask the wrong way round, a cut-out out of sight."""
    said: list[str] = []
    if bool((cover >= 1).all()):
        nothing = "neither alpha nor mask" if alpha is None and given is None else "no transparency"
        said.append(f"the cut-out has {nothing}: all of its rectangle was pasted")
    elif given is not None and any(looks_inverted(cover[n]) for n in range(cover.shape[0])):
        said.append("the cut-out's mask looks inverted: seen all around, a hole inside. Switch invert_mask?")
    missing = int((mask.flatten(1).amax(1) == 0).sum())
    if missing:
        which = status.some(missing, mask.shape[0])
        said.append(f"nothing of the cut-out lies on the background, or all of it is transparent: {which} unchanged")
    return said
