"""The paper's figures 5 and 1 with our weights.

    python -m benchmarks.paper.figures [--weights W]

Figure 5: for each composite, what it looks like (the foreground outlined), where its whole foreground looks by way of
PTL and of LTL, and the harmonized picture. Figure 1: one foreground of two materials, and where each of two points
looks. The network is shown the whole picture. Writes figure5.jpg and figure1.jpg beside this file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from regharm_core import HarmonizerNet, attention_map, harmonize, load_harmonizer
from regharm_core.picture.heatmap import overlay
from regharm_core.store.files import replacing

from .scenes import Scene, scenes, two_points

TILE = (230, 170)  # px
ROOM = 18  # px above each column and left of each row for a title
REACH = 5  # px around a point that are asked about


def outlined(image: Tensor, mask: Tensor) -> Tensor:
    """The picture with a white line around the foreground: 1 3 H W."""
    hard = (mask > 0.5).float()
    edge = F.max_pool2d(hard, 5, 1, 2) - hard
    return image * (1 - edge) + edge


def tile(picture: Tensor) -> Image.Image:
    """1 3 H W -> a picture that fits TILE, on white."""
    values = (picture[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    image = Image.fromarray(np.ascontiguousarray(values))
    image.thumbnail(TILE, Image.Resampling.LANCZOS)
    page = Image.new("RGB", TILE, "white")
    page.paste(image, ((TILE[0] - image.width) // 2, (TILE[1] - image.height) // 2))
    return page


def page(columns: list[list[Tensor]], titles: list[str], rows: list[str], path: Path) -> None:
    """Write columns of pictures under their titles."""
    width, height = TILE[0] + 4, TILE[1] + 4
    sheet = Image.new("RGB", (ROOM + width * len(columns), ROOM + height * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for x, (column, title) in enumerate(zip(columns, titles, strict=True)):
        draw.text((ROOM + x * width + 4, 3), title, fill="black")
        for y, picture in enumerate(column):
            sheet.paste(tile(picture), (ROOM + x * width, ROOM + y * height))
    for y, name in enumerate(rows):
        text = Image.new("RGB", (TILE[1], ROOM - 4), "white")
        ImageDraw.Draw(text).text((4, 1), name, fill="black")
        sheet.paste(text.rotate(90, expand=True), (2, ROOM + y * height))
    with replacing(path) as temporary:
        sheet.save(temporary, "JPEG", quality=88)


def figure_5(net: HarmonizerNet, path: Path, layers: dict[str, str]) -> None:
    """Composites, contribution maps, predictions."""
    columns: list[list[Tensor]] = []
    for scene in scenes():
        heats = [attention_map(net, scene.image, scene.mask, layer=layer, context=None) for layer in layers]
        maps = [overlay(scene.image, heat) for heat in heats]
        made = harmonize(net, scene.image, scene.mask, context=None)
        columns.append([outlined(scene.image, scene.mask), *maps, made])
    page(columns, [s.name for s in scenes()], ["composite", *layers.values(), "harmonized"], path)


def _asked(scene: Scene, point: tuple[int, int]) -> Tensor:
    y, x = (torch.arange(side) for side in scene.mask.shape[-2:])
    near = (y[:, None] - point[1]).square() + (x[None] - point[0]).square() <= REACH**2
    return near.float()[None, None] * (scene.mask > 0)


def figure_1(net: HarmonizerNet, path: Path, layers: dict[str, str]) -> None:
    """Two points of one foreground, marked in green, and where each looks."""
    columns: list[list[Tensor]] = []
    titles: list[str] = []
    for scene in two_points():
        for point in scene.points:
            asked = _asked(scene, point)
            green = torch.tensor([0.1, 1.0, 0.1])[None, :, None, None]
            shown = outlined(scene.image, scene.mask)
            shown = shown + asked * (green - shown)
            heats = [
                attention_map(net, scene.image, scene.mask, query_mask=asked, layer=layer, context=None)
                for layer in layers
            ]
            columns.append([shown, *(overlay(scene.image, heat) for heat in heats)])
            titles.append(f"{scene.name}: {point}")
    page(columns, titles, ["composite", *layers.values()], path)


def main() -> None:
    """Draw both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path)
    net = load_harmonizer(parser.parse_args().weights)
    layers = {"ptl": "PTL"} | {f"ltl{size}": f"LTL {size}" for size in net.config.ltl}
    here = Path(__file__).resolve().parent
    figure_5(net, here / "figure5.jpg", layers)
    figure_1(net, here / "figure1.jpg", layers)


if __name__ == "__main__":
    main()
