"""The paper's figures 5 and 1 with our weights.

    python -m benchmarks.paper.figures [--weights W]

Figure 5: for each composite, what it looks like (the foreground outlined), where its whole foreground looks by way of
PTL and of LTL, and the harmonized picture. Figure 1: one foreground of two materials, and where each of two points
looks. The network is shown the whole picture. Writes figure5.jpg and figure1.jpg.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from regharm_core import HarmonizerNet, attention_map, harmonize, load_harmonizer
from regharm_core.picture.painted import overlay
from regharm_core.store.files import replacing

from ..helpers.reports import PICTURES

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"
CAT, ROCKET, TABLE = PICTURES / "cat.jpg", PICTURES / "rocket.jpg", SAMPLES / "background.png"
TILE = (2.3, 1.7)  # inches of 100 px
REACH = 5  # px around a point that are asked about
Point = tuple[int, int]  # x, y in px


@dataclass(frozen=True)
class Scene:
    """A composite of the figures: image 1 3 H W and mask 1 1 H W in [0, 1]."""

    name: str
    image: Tensor
    mask: Tensor
    points: tuple[Point, ...] = ()


def read(path: Path, mode: str = "RGB") -> Tensor:
    """1 C H W in [0, 1]."""
    values = torch.from_numpy(np.array(Image.open(path).convert(mode))).float() / 255
    return values[None, None] if values.ndim == 2 else values.permute(2, 0, 1)[None]


def sample(title: str, name: str) -> Scene:
    """A composite that ships with the project."""
    return Scene(title, read(SAMPLES / f"{name}.png"), read(SAMPLES / f"{name}_mask.png", "L"))


def relit(title: str, path: Path, outline: list[Point], gain: tuple[float, float, float], *points: Point) -> Scene:
    """A part of a photograph under another light (gains of R, G, B); two points outline an ellipse by its box."""
    image = read(path)
    drawn = Image.new("L", (image.shape[3], image.shape[2]), 0)
    draw = ImageDraw.Draw(drawn)
    draw.ellipse(outline, fill=255) if len(outline) == 2 else draw.polygon(outline, fill=255)
    soft = np.array(drawn.filter(ImageFilter.GaussianBlur(1.5)))
    mask = torch.from_numpy(soft).float()[None, None] / 255
    lit = (image * torch.tensor(gain)[None, :, None, None]).clamp(0, 1)
    return Scene(title, image + mask * (lit - image), mask, points)


def scenes_of_figure_5() -> list[Scene]:
    """Composites of the project and parts of photographs."""
    tower = [(566, 0), (600, 0), (640, 300), (640, 426), (576, 426), (570, 250)]
    return [
        sample("cup, colder", "cup"),
        sample("astronaut, greener", "astronaut"),
        sample("shuttle on a table", "shuttle"),
        relit("one eye, bluer", CAT, [(288, 98), (352, 170)], (0.7, 0.85, 1.3)),
        relit("fur, redder", CAT, [(60, 10), (150, 80)], (1.3, 0.85, 0.8)),
        relit("tower, warmer", ROCKET, tower, (1.6, 1.15, 0.7)),
        relit("sky, greener", ROCKET, [(380, 40), (520, 180)], (0.9, 1.35, 0.8)),
        relit("wood, bluer", TABLE, [(400, 250), (580, 390)], (0.7, 0.95, 1.3)),
    ]


def scenes_of_figure_1() -> list[Scene]:
    """Foregrounds of two materials, with a point on each."""
    saucer = relit("saucer and wood", TABLE, [(395, 130), (585, 330)], (0.75, 0.95, 1.25), (440, 190), (545, 230))
    return [saucer, relit("eye and fur", CAT, [(270, 80), (368, 190)], (0.75, 0.9, 1.25), (317, 137), (335, 175))]


def outlined(scene: Scene) -> Tensor:
    """The picture with a white line around the foreground: 1 3 H W."""
    hard = (scene.mask > 0.5).float()
    edge = F.max_pool2d(hard, 5, 1, 2) - hard
    return scene.image * (1 - edge) + edge


def write_page(columns: dict[str, list[Tensor]], rows: list[str], path: Path) -> None:
    """Columns of pictures (1 3 H W) under their titles."""
    from matplotlib.figure import Figure

    figure = Figure((TILE[0] * len(columns), TILE[1] * len(rows)), dpi=100, layout="constrained")
    places = figure.subplots(len(rows), len(columns))
    for x, (title, column) in enumerate(columns.items()):
        places[0, x].set_title(title, fontsize=8)
        for y, picture in enumerate(column):
            places[y, x].imshow(picture[0].clamp(0, 1).permute(1, 2, 0).numpy())
            places[y, x].set(xticks=[], yticks=[], ylabel="" if x else rows[y])
    with replacing(path) as temporary:
        figure.savefig(temporary, pil_kwargs={"quality": 88})


def figure_5(net: HarmonizerNet, layers: dict[str, str]) -> None:
    """Composites, what the whole foreground looks at, predictions."""
    columns: dict[str, list[Tensor]] = {}
    for s in scenes_of_figure_5():
        heats = [attention_map(net, s.image, s.mask, layer=layer, context=None) for layer in layers]
        made = harmonize(net, s.image, s.mask, context=None)
        columns[s.name] = [outlined(s), *(overlay(s.image, heat, mask=s.mask) for heat in heats), made]
    write_page(columns, ["composite", *layers.values(), "harmonized"], PICTURES / "figure5.jpg")


def figure_1(net: HarmonizerNet, layers: dict[str, str]) -> None:
    """Two points of one foreground, marked in green, and where each looks."""
    columns: dict[str, list[Tensor]] = {}
    for s in scenes_of_figure_1():
        y, x = (torch.arange(side) for side in s.mask.shape[-2:])
        for point in s.points:
            near = (y[:, None] - point[1]).square() + (x[None] - point[0]).square() <= REACH**2
            asked = near.float()[None, None] * (s.mask > 0)
            shown = outlined(s)
            shown = shown + asked * (torch.tensor([0.1, 1.0, 0.1])[None, :, None, None] - shown)
            heats = [attention_map(net, s.image, s.mask, query_mask=asked, layer=n, context=None) for n in layers]
            columns[f"{s.name}: {point}"] = [
                shown,
                *(overlay(s.image, heat, mask=s.mask, query=asked) for heat in heats),
            ]
    write_page(columns, ["composite", *layers.values()], PICTURES / "figure1.jpg")


def main() -> None:
    """Draw both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path)
    net = load_harmonizer(parser.parse_args().weights)
    layers = {"ptl": "PTL"} | {f"ltl{size}": f"LTL {size}" for size in net.config.ltl}
    figure_5(net, layers)
    figure_1(net, layers)


if __name__ == "__main__":
    main()
