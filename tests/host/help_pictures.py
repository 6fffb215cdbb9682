"""The help pages' pictures, made with the core from the shipped samples. All but load.jpg, cut from a screenshot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter
from torch import Tensor

from regharm_core import Correction, apply_correction, attention_map, harmonize, load_harmonizer, overlay
from regharm_core.network.face import Harmonizer
from regharm_core.picture.cube import write_cube
from regharm_core.picture.masks import feather, grow
from regharm_core.picture.paste import Placement, defringe, paste
from tests.host.layout import side_by_side, stacked

SHOWN = ("sunset", "snow", "night", "neon", "studio", "cup", "astronaut", "shuttle", "cutout", "background")
PACK = Path(__file__).resolve().parents[2]
DOCS, SAMPLES = PACK / "web" / "docs", PACK / "assets" / "samples"


def opened(name: str, mode: str = "RGB") -> Tensor:
    """A sample, 1 C H W in [0, 1]."""
    values = torch.from_numpy(np.array(Image.open(SAMPLES / f"{name}.png").convert(mode))).float() / 255
    return values[None, None] if mode == "L" else values.movedim(-1, 0)[None]


def shown(picture: Tensor) -> Image.Image:
    """1 C H W -> a picture to look at; alpha over white."""
    values = (picture[0].movedim(0, -1).clamp(0, 1) * 255).round().byte().numpy()
    if values.shape[2] == 1:
        return Image.fromarray(values[..., 0]).convert("RGB")
    image = Image.fromarray(values)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def pasted() -> tuple[Tensor, Tensor]:
    """The paste workflow's composite and mask."""
    cutout = opened("cutout", "RGBA")
    placement = Placement(x=470, y=372, scale=0.8, rotation=8.0, anchor="bottom")
    clean = defringe(cutout[:, :3], cutout[:, 3:], 2)
    return paste(opened("background"), clean, cutout[:, 3:], placement)


def asked(model: Harmonizer) -> list[Image.Image]:
    """Where the neon cup's left side, its right side and all of it came from, as in the example."""
    image, mask = opened("neon"), opened("neon_mask", "L")
    pictures: list[Image.Image] = []
    for left in (60, 350, None):
        query = None if left is None else torch.zeros_like(mask)
        if query is not None and left is not None:
            query[..., 90:350, left : left + 130] = 1
        heat = attention_map(model, image, mask, query_mask=query)
        pictures.append(shown(overlay(image, heat, mask=mask, query=query)))
    return pictures


def help_pictures() -> dict[str, Image.Image]:
    """The pictures by name."""
    model = load_harmonizer()
    composite, mask = pasted()
    scene, of = opened("studio"), opened("studio_mask", "L")
    small, few = (F.interpolate(part, scale_factor=0.25, mode="bilinear", antialias=True) for part in (scene, of))
    kept: list[Correction] = []
    little = harmonize(model, small, few, kept=kept)
    large = apply_correction(scene[0], of[0], kept[0])[None]
    kept.clear()
    harmonize(model, opened("studio"), opened("studio_mask", "L"), kept=kept)
    rows = [line for line in write_cube(kept[0].overall, title="studio").splitlines() if line[0] in "-0123456789"]
    table = ImageFilter.Color3DLUT(33, [tuple(map(float, row.split())) for row in rows])
    alone, cover = (Image.open(SAMPLES / f"studio{end}.png") for end in ("", "_mask"))
    read = Image.composite(alone.convert("RGB").filter(table), alone.convert("RGB"), cover.convert("L"))
    enlarged = shown(little).resize((small.shape[3] * 4, small.shape[2] * 4), Image.Resampling.NEAREST)
    hard = (opened("studio_mask", "L") > 0.5).float()
    samples = [shown(opened(name, "RGBA")) for name in SHOWN]
    stack = [shown(composite), shown(harmonize(model, composite, mask))]
    return {
        "harmonize": side_by_side([shown(scene), shown(harmonize(model, scene, of))], 300),
        "attention": side_by_side(asked(model), 220),
        "mask": side_by_side([shown(hard), shown(feather(grow(hard, -8), 4))], 300),
        "sample": stacked([side_by_side(samples[:5], 150), side_by_side(samples[5:], 150)]),
        "paste": side_by_side(
            [shown(p) for p in (opened("background"), opened("cutout", "RGBA"), composite, mask)], 190
        ),
        "apply": side_by_side([enlarged, shown(large)], 280),
        "cube": side_by_side([alone.convert("RGB"), read], 280),
        "layers": side_by_side(stack, 280),
    }
