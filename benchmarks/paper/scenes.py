"""Composites for the figures, made from pictures that ship with the project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parent.parent / "assets" / "samples"
Light = tuple[float, float, float]  # gains of R, G, B


@dataclass(frozen=True)
class Scene:
    """A composite of the figures: image 1 3 H W and mask 1 1 H W in [0, 1]; points are x, y in px."""

    name: str
    image: Tensor
    mask: Tensor
    points: tuple[tuple[int, int], ...] = ()


def _read(path: Path, mode: str = "RGB") -> Tensor:
    values = torch.from_numpy(np.array(Image.open(path).convert(mode))).float() / 255
    return values[None, None] if values.ndim == 2 else values.permute(2, 0, 1)[None]


def _sample(name: str, title: str) -> Scene:
    return Scene(title, _read(SAMPLES / f"{name}.png"), _read(SAMPLES / f"{name}_mask.png", "L"))


def _relit(
    title: str,
    path: Path,
    outlines: list[list[tuple[int, int]]],
    gain: Light,
    points: tuple[tuple[int, int], ...] = (),
) -> Scene:
    """Parts of a photograph under another light; an outline of two points is the box of an ellipse."""
    image = _read(path)
    drawn = Image.new("L", (image.shape[3], image.shape[2]), 0)
    for outline in outlines:
        draw = ImageDraw.Draw(drawn)
        draw.ellipse(outline, fill=255) if len(outline) == 2 else draw.polygon(outline, fill=255)
    soft = np.array(drawn.filter(ImageFilter.GaussianBlur(1.5)))
    mask = torch.from_numpy(soft).float()[None, None] / 255
    lit = (image * torch.tensor(gain)[None, :, None, None]).clamp(0, 1)
    return Scene(title, image + mask * (lit - image), mask, points)


def scenes() -> list[Scene]:
    """The composites of figure 5."""
    cat, rocket = HERE / "pictures" / "cat.jpg", HERE / "pictures" / "rocket.jpg"
    tower = [(566, 0), (600, 0), (640, 300), (640, 426), (576, 426), (570, 250)]
    return [
        _sample("cup", "cup, colder"),
        _sample("astronaut", "astronaut, greener"),
        _sample("shuttle", "shuttle on a table"),
        _relit("one eye, bluer", cat, [[(288, 98), (352, 170)]], (0.7, 0.85, 1.3)),
        _relit("fur, redder", cat, [[(60, 10), (150, 80)]], (1.3, 0.85, 0.8)),
        _relit("tower, warmer", rocket, [tower], (1.6, 1.15, 0.7)),
        _relit("sky, greener", rocket, [[(380, 40), (520, 180)]], (0.9, 1.35, 0.8)),
        _relit("wood, bluer", SAMPLES / "background.png", [[(400, 250), (580, 390)]], (0.7, 0.95, 1.3)),
    ]


def two_points() -> list[Scene]:
    """The composites of figure 1: one foreground of two materials, a point on each."""
    cat = HERE / "pictures" / "cat.jpg"
    return [
        _relit(
            "saucer and wood",
            SAMPLES / "background.png",
            [[(395, 130), (585, 330)]],
            (0.75, 0.95, 1.25),
            ((440, 190), (545, 230)),
        ),
        _relit("eye and fur", cat, [[(270, 80), (368, 190)]], (0.75, 0.9, 1.25), ((317, 137), (335, 175))),
    ]
