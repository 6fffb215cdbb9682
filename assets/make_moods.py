"""Make the moody sample composites: sunset, snow, night, neon and studio, each with its truth.

Needs what make_samples.py needs, and one photograph of the Debian package lomiri-wallpapers-16.04. Run:

    python assets/make_moods.py PATH/seeding_by_Clements_Engelhardt.jpg

What each picture is and who made it: PROVENANCE.md beside this file.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from make_samples import CUP, OUT, SOURCES, cut_out, inner_colours, laid_over, moved, save
from PIL import Image

CLOCK = [
    (277, 42), (330, 52), (380, 78), (412, 118), (430, 165), (434, 210), (415, 245), (385, 275), (345, 300),
    (293, 300), (293, 545), (268, 545), (274, 300), (240, 296), (190, 284), (155, 255), (140, 205), (132, 165),
    (150, 110), (190, 70), (230, 50),
]  # fmt: skip
FAR_CLOCK = ((786, 416), (63, 50))  # centre, half axes
ROCKET = [
    (321, 127), (327, 135), (332, 150), (333, 178), (336, 182), (336, 300), (333, 345), (333, 404), (313, 404),
    (313, 345), (309, 300), (309, 182), (312, 178), (312, 150), (315, 135),
]  # fmt: skip


def graded(values: np.ndarray, gain: tuple, lift: tuple, gamma: float, saturation: float) -> np.ndarray:
    """A whole picture as a photographer grades it: white balance, haze, exposure, saturation; values 0..255."""
    return np.clip(moved(values, gain, gamma, saturation) + np.array(lift, np.float32), 0, 255)


def gelled(picture: np.ndarray) -> np.ndarray:
    """Two coloured lamps in a dark room, magenta from the left and cyan from the right; values 0..255."""
    across = np.linspace(0, 1, picture.shape[1], dtype=np.float32)[None, :, None]
    share = across**2 * (3 - 2 * across)  # a soft change-over in the middle
    magenta, cyan = np.array([1.25, 0.28, 0.95], np.float32), np.array([0.18, 0.85, 1.3], np.float32)
    values = moved(picture, (1.0, 1.0, 1.0), 1.25, 0.55)
    return np.clip(values * ((1 - share) * magenta + share * cyan) + np.array([6, 2, 12], np.float32), 0, 255)


def sweep(height: int, width: int) -> np.ndarray:
    """A grey paper backdrop under one soft lamp, lighter in the middle, with a floor; values 0..255."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    lamp = np.exp(-(((x / width - 0.45) / 0.55) ** 2 + ((y / height - 0.35) / 0.6) ** 2))
    floor = 1 / (1 + np.exp(-(y / height - 0.82) * 40))
    grey = 105 + 95 * lamp + 18 * floor
    grain = np.random.default_rng(0).normal(0, 1.5, grey.shape)
    return np.clip((grey + grain)[..., None] * np.array([1.0, 0.995, 0.985]), 0, 255)


def write(name: str, composite: np.ndarray, truth: np.ndarray, matte: np.ndarray) -> None:
    save(name, composite)
    save(f"{name}_real", truth)
    save(f"{name}_mask", np.round(matte * 255).astype(np.uint8))


def pair(name: str, scene: np.ndarray, front: np.ndarray, other: np.ndarray, matte: np.ndarray) -> None:
    """Truth: the front as the scene's light has it; composite: the same under another light."""
    matte = np.round(matte * 255) / 255
    write(name, laid_over(other, matte, scene), laid_over(front, matte, scene), matte)


def soft_disc(shape: tuple[int, int], centre: tuple[int, int], axes: tuple[int, int]) -> np.ndarray:
    matte = np.zeros(shape, np.uint8)
    cv2.ellipse(matte, centre, axes, 0, 0, 360, 1, -1)
    return cv2.GaussianBlur(matte.astype(np.float32), (0, 0), 3.0)  # it is out of focus


def meadow(path: Path) -> None:
    """Sunset: the dandelion clock in front under the flat light of a cloudy noon. Snow: a clock further back."""
    picture = np.array(Image.open(path).convert("RGB").resize((960, 540), Image.Resampling.LANCZOS))
    matte = cut_out(picture, CLOCK, sure=21, reach=9)
    left = slice(0, 540), slice(20, 740)
    noon = moved(picture, (0.72, 0.86, 1.12), 0.8, 0.35)
    pair("sunset", picture[left], picture[left], noon[left], matte[left])
    right = slice(150, 540), slice(440, 960)
    winter = graded(picture, (0.98, 1.1, 1.28), (34, 40, 50), 0.72, 0.22)
    other = moved(picture, (1.02, 0.93, 0.8), 0.8, 0.8)
    matte = soft_disc(picture.shape[:2], *FAR_CLOCK)
    pair("snow", winter[right], winter[right], other[right], matte[right])


def night() -> None:
    """The rocket on its pad at dusk, as if it had been photographed in the sun of the afternoon."""
    picture = np.array(Image.open(SOURCES / "rocket.jpg").convert("RGB"))
    matte = cut_out(picture, ROCKET, sure=7, reach=3)
    inside = inner_colours(picture, matte)
    part = slice(87, 427), slice(100, 580)
    pair("night", picture[part], inside[part], moved(inside, (0.92, 1.08, 1.5), 0.6, 0.7)[part], matte[part])


def neon() -> None:
    """The cup between two coloured lamps; pasted, it still has the light of the cafe."""
    picture = np.array(Image.open(SOURCES / "coffee.png").convert("RGB"))
    matte = cut_out(picture, CUP, sure=9, reach=7)
    inside = inner_colours(picture, matte)
    pair("neon", gelled(picture), gelled(inside), inside.astype(np.float32), matte)


def studio() -> None:
    """The model shuttle before grey paper, as if it came from a room with light bulbs."""
    cutout = np.array(Image.open(OUT / "cutout.png").convert("RGBA")).astype(np.float32)
    height, width, top, left = 360, 520, 34, 192
    scene, matte = sweep(height, width), np.zeros((height, width), np.float32)
    front = scene.copy()
    rows, columns = slice(top, top + cutout.shape[0]), slice(left, left + cutout.shape[1])
    matte[rows, columns], front[rows, columns] = cutout[..., 3] / 255, cutout[..., :3]
    shade = cv2.GaussianBlur(np.roll(matte, (6, 14), (0, 1)), (0, 0), 9)
    shade[: top + 200] *= np.linspace(0, 1, top + 200)[:, None] ** 3  # it stands on the floor
    scene = scene * (1 - 0.35 * shade[..., None])
    bulbs = moved(front, (1.18, 0.86, 0.5), 0.95, 1.0)
    pair("studio", scene, front, bulbs, matte)


if __name__ == "__main__":
    meadow(Path(sys.argv[1]))
    night()
    neon()
    studio()
