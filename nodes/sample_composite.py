"""Sample Composite: pictures that come with the pack, so that every example runs on a fresh host."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from comfy_api.latest import io
from PIL import Image, ImageSequence
from torch import Tensor

from . import host
from .sockets import CATEGORY, STATUS
from .status import counted

SAMPLES = Path(__file__).resolve().parent.parent / "assets" / "samples"
SUFFIXES = ("_mask", "_real")


def sample_names() -> list[str]:
    """The shipped pictures, without what belongs to another of them."""
    names = {path.stem for path in SAMPLES.glob("*.png")}
    return sorted(name for name in names if not any(name.removesuffix(s) in names - {name} for s in SUFFIXES))


def read_picture(path: Path) -> Tensor:
    """An image file, every frame of it -> B H W C in [0, 1] with 1, 3 or 4 channels."""
    with Image.open(path) as file:
        mode = "L" if file.mode in ("1", "L") else "RGBA" if "A" in file.mode else "RGB"
        frames = [np.array(frame.convert(mode)) for frame in ImageSequence.Iterator(file)]
    stack = torch.from_numpy(np.stack(frames)).float() / 255
    return stack[..., None] if stack.ndim == 3 else stack


class SampleComposite(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="RegHarmSample",
            display_name="Sample Composite",
            category=CATEGORY,
            description="A picture that comes with the pack, with its mask: something to try Harmonize on before you "
            "connect your own.",
            search_aliases=["example image", "test image", "demo composite"],
            inputs=[
                io.Combo.Input(
                    "sample",
                    options=sample_names(),
                    default="cup",
                    tooltip="Composites, a cut-out, an empty background and a short clip.",
                ),
            ],
            outputs=[
                io.Image.Output("IMAGE", display_name="image", tooltip="The picture, or the frames of a clip."),
                io.Mask.Output(
                    "MASK",
                    display_name="mask",
                    tooltip="White is the foreground, or the opaque part of a cut-out; else black.",
                ),
            ],
            **STATUS,
        )

    @classmethod
    def execute(cls, sample: str) -> io.NodeOutput:
        if sample not in sample_names():
            raise ValueError(f"no sample {sample!r}; there are {', '.join(sample_names())}")
        picture = read_picture(SAMPLES / f"{sample}.png")
        beside = SAMPLES / f"{sample}_mask.png"
        if beside.is_file():
            mask = read_picture(beside)[..., 0]
        elif picture.shape[3] == 4:
            mask = picture[..., 3]
        else:
            mask = torch.zeros(picture.shape[:3])
        facts = [f"{counted(len(picture))}, {picture.shape[2]} x {picture.shape[1]} px"]
        return io.NodeOutput(host.publish(picture[..., :3]), host.publish(mask), ui=host.status(facts))
