"""Harmonize: a composite in, the composite with its foreground matched to the background out."""

from __future__ import annotations

import torch
from comfy_api.latest import io
from torch import Tensor

from .. import regharm_core as core
from ..regharm_core.picture import masks
from ..regharm_core.picture.changes import EACH as PER_FRAME
from ..regharm_core.picture.changes import SHARED, STEADY
from ..regharm_core.picture.light import LINEAR, SRGB
from ..regharm_core.pipeline import APART, TOGETHER
from . import host, status
from .sliders import sliders
from .sockets import CATEGORY, STATUS, Correction, Harmonizer
from .tensors import common_count, fit_mask, join_image, repeat_rows, split_image


class Harmonize(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="RegHarmHarmonize",
            display_name="Harmonize",
            category=CATEGORY,
            description="Matches the colours and light of a pasted or generated foreground to the parts of the "
            "background that it resembles. Works at full size; outside the mask not a bit changes.",
            search_aliases=[
                "image harmonization",
                "harmonise",
                "color transfer",
                "color match",
                "match color",
                "match colors",
                "match lighting",
                "color correction",
                "color grade",
                "tone",
                "relight",
                "relight paste",
                "blend",
                "blend foreground",
                "poisson",
                "poisson blending",
                "seamless paste",
                "paste",
                "cutout",
                "composite",
                "compositing",
                "inpaint",
                "after inpainting",
                "fix lighting",
            ],
            inputs=[
                Harmonizer.Input("harmonizer", tooltip="From Load Harmonizer."),
                io.Image.Input(
                    "image",
                    tooltip="The composite, the foreground already in its place: from an image composite, or from VAE "
                    "Decode after inpainting. Alpha is kept.",
                ),
                io.Mask.Input(
                    "mask",
                    tooltip="White is the foreground, the part to be changed. Soft edges are honoured; a mask of "
                    "another size is stretched over the image.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=2.0,
                    step=0.05,
                    tooltip="How much of the change is applied: 0 none, 1 what the network proposes, 2 twice that.",
                ),
                io.Mask.Input(
                    "reference_mask",
                    optional=True,
                    tooltip="White is the background that may be consulted. Without it, everything outside the mask.",
                ),
                io.Mask.Input(
                    "blend_mask",
                    optional=True,
                    tooltip="White is where the result is shown. It limits the mask, without changing what the network "
                    "takes as foreground.",
                ),
                io.Int.Input(
                    "expand",
                    default=0,
                    min=-masks.LARGEST_RADIUS,
                    max=masks.LARGEST_RADIUS,
                    optional=True,
                    advanced=True,
                    tooltip="Expand the mask by this many pixels; a negative number contracts it, such as -2 against a "
                    "fringe of the old background.",
                ),
                io.Int.Input(
                    "feather",
                    default=0,
                    min=0,
                    max=masks.LARGEST_RADIUS,
                    optional=True,
                    advanced=True,
                    tooltip="Soften the mask's edge over this many pixels to either side.",
                ),
                io.Boolean.Input(
                    "invert_mask",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="For masks where black is the foreground, such as the alpha of Load Image.",
                ),
                io.Combo.Input(
                    "frames",
                    options=[PER_FRAME, SHARED, STEADY],
                    default=PER_FRAME,
                    optional=True,
                    advanced=True,
                    tooltip="per frame: every image of the batch on its own. shared: one colour change for the whole "
                    "batch, so that a clip does not flicker. steady: each image's own change, smoothed over the "
                    "neighbouring images.",
                ),
                *sliders(),
                io.Combo.Input(
                    "objects",
                    options=[APART, TOGETHER],
                    default=APART,
                    optional=True,
                    advanced=True,
                    tooltip="one by one: separate objects in a mask are harmonized each for itself, up to ten. "
                    "together: all with one question, as shared and steady images always are.",
                ),
                io.Combo.Input(
                    "encoding",
                    options=[SRGB, LINEAR],
                    default=SRGB,
                    optional=True,
                    advanced=True,
                    tooltip="How the image's values are encoded: sRGB, as pictures usually are, or linear, as EXR "
                    "files are. Of linear light, values above 1 change by the same factor as 1 does.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    "IMAGE", display_name="image", tooltip="The harmonized composite, same size and count."
                ),
                io.Mask.Output(
                    "MASK",
                    display_name="mask",
                    tooltip="The mask as it was used: fitted, inverted, expanded, feathered.",
                ),
                Correction.Output(
                    "CORRECTION",
                    display_name="correction",
                    tooltip="The change as it was applied, for Apply Correction and Save Correction.",
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
        strength: float,
        reference_mask: Tensor | None = None,
        blend_mask: Tensor | None = None,
        expand: int = 0,
        feather: int = 0,
        invert_mask: bool = False,
        frames: str = PER_FRAME,
        tone: float = 1.0,
        colour: float = 1.0,
        contrast: float = 1.0,
        objects: str = APART,
        encoding: str = SRGB,
    ) -> io.NodeOutput:
        colours, rest = split_image(image)
        size = (colours.shape[2], colours.shape[3])
        used = _prepare(fit_mask(mask, "mask", size), expand, feather, invert_mask)
        reference = None if reference_mask is None else fit_mask(reference_mask, "reference_mask", size)
        shown = None if blend_mask is None else fit_mask(blend_mask, "blend_mask", size)
        count = common_count(image, used, reference, shown)
        given = {"mask": used, "reference_mask": reference, "blend_mask": shown}
        cautions = status.repeated(count, given)
        colours, used = repeat_rows(colours, count), repeat_rows(used, count)
        reference = None if reference is None else repeat_rows(reference, count)
        shown = None if shown is None else repeat_rows(shown, count)
        clip = frames != PER_FRAME
        kept: dict[int, core.Correction] = {}

        def work(net: core.Harmonizer, rows: slice, batch: int, progress: host.Progress) -> Tensor:
            # A clip stays where it is: only the network's small copies of it go to the device.
            device = colours.device if clip else harmonizer.load_device
            picture, weight = colours[rows].to(device), used[rows].to(device)
            found: list[core.Correction] = []
            result = core.harmonize(
                net,
                picture,
                weight,
                reference_mask=None if reference is None else reference[rows].to(device),
                strength=strength,
                shared=frames == SHARED,
                steady=frames == STEADY,
                objects=objects,
                encoding=encoding,
                tone=tone,
                colour=colour,
                contrast=contrast,
                batch_size=batch,
                progress=progress,
                check=host.check_cancel,
                kept=found,
            )
            kept.update(zip(range(rows.start, rows.stop), found, strict=True))
            if shown is None:
                return result
            return masks.show_through(picture, result, weight, shown[rows].to(device))

        result = host.in_batches(harmonizer, work, count, size, together=clip)
        visible = used if shown is None else torch.minimum(used, shown.expand_as(used))
        facts = [status.changed(colours, result, visible, linear=encoding == LINEAR)]
        if strength == 0:
            facts = [f"strength is 0: {status.counted(count)} returned unchanged"]
        else:
            advice = f"Should invert_mask be {'off' if invert_mask else 'on'}?"
            odd, untouched = status.oddities(used, reference, harmonizer.model.config, advice)
            facts = [] if untouched else facts
            cautions += status.stretched(dict(zip(given, (mask, reference_mask, blend_mask), strict=True)), size)
            cautions += odd + status.hidden(used, shown)
        outputs = join_image(result, rest), used[:, 0].to(result.device).contiguous(), [kept[n] for n in range(count)]
        return io.NodeOutput(*outputs, ui=host.status(facts, cautions))


def _prepare(mask: Tensor, expand: int, feather: int, invert: bool) -> Tensor:
    """The mask as asked for, picture by picture, so that memory does not grow with the batch."""
    most = masks.LARGEST_RADIUS
    for name, pixels, least in (("expand", expand, -most), ("feather", feather, 0)):  # a link knows no limits
        if not least <= pixels <= most:
            raise core.InputError(f"{name} must be from {least} to {most} px, got {pixels}")
    if invert:
        mask = 1 - mask
    if not expand and not feather:
        return mask
    cancel = host.check_cancel
    return torch.cat([masks.feather(masks.grow(one, expand, cancel), feather, cancel) for one in mask.split(1)])
