"""Pictures of the help pages that need no host: made with the core from the shipped samples.

python -m tests.host.help_pictures
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter
from torch import Tensor

from regharm_core import Correction, apply_correction, harmonize, load_harmonizer
from regharm_core.picture.cube import write_cube
from regharm_core.picture.paste import Placement, defringe, paste
from tests.host.layout import side_by_side

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


def computed() -> dict[str, Image.Image]:
    """The pictures by name."""
    model = load_harmonizer()
    composite, mask = pasted()
    scene, of = opened("sunset"), opened("sunset_mask", "L")
    small, few = (F.interpolate(part, scale_factor=0.25, mode="bilinear", antialias=True) for part in (scene, of))
    kept: list[Correction] = []
    little = harmonize(model, small, few, kept=kept)
    large = apply_correction(scene[0], of[0], kept[0])[None]
    kept.clear()
    harmonize(model, opened("night"), opened("night_mask", "L"), kept=kept)
    rows = [line for line in write_cube(kept[0].overall, title="night").splitlines() if line[0] in "-0123456789"]
    table = ImageFilter.Color3DLUT(33, [tuple(map(float, row.split())) for row in rows])
    night, cover = (Image.open(SAMPLES / f"night{end}.png") for end in ("", "_mask"))
    read = Image.composite(night.convert("RGB").filter(table), night.convert("RGB"), cover.convert("L"))
    enlarged = shown(little).resize((small.shape[3] * 4, small.shape[2] * 4), Image.Resampling.NEAREST)
    stack = [shown(composite), shown(harmonize(model, composite, mask))]
    return {
        "paste": side_by_side(
            [shown(p) for p in (opened("background"), opened("cutout", "RGBA"), composite, mask)], 190
        ),
        "apply": side_by_side([enlarged, shown(large)], 280),
        "cube": side_by_side([night.convert("RGB"), read], 280),
        "layers": side_by_side(stack, 280),
    }


if __name__ == "__main__":
    for name, picture in computed().items():
        picture.save(DOCS / f"{name}.jpg", quality=85, optimize=True)
