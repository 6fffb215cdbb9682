"""Make the sample composites from photographs that ship inside scikit-image.

Needs scikit-image, opencv-python-headless, numpy and pillow. Deterministic; run from anywhere:

    python assets/make_samples.py

What each picture is and who made it: PROVENANCE.md beside this file.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import skimage
from PIL import Image

OUT = Path(__file__).resolve().parent / "samples"
SOURCES = Path(skimage.__file__).resolve().parent / "data"

# Hand-drawn outlines, x y in pixels of the source: certain foreground is grown from their inside.
SHUTTLE = [
    (418, -4), (409, 8), (402, 36), (398, 40), (388, 44), (384, 72), (381, 104), (378, 160), (366, 190),
    (354, 210), (354, 224), (386, 228), (384, 240), (396, 246), (394, 262), (366, 276), (366, 284), (474, 284),
    (470, 272), (450, 262), (452, 240), (456, 228), (460, 208), (454, 190), (453, 48), (446, 38), (440, 40),
    (436, 10), (428, -4),
]  # fmt: skip
SAUCER = ((278, 227), (202, 161), 3.0)  # centre, half axes, degrees
CUP = [
    (172, 110), (174, 76), (190, 46), (230, 24), (290, 18), (350, 28), (394, 62), (398, 68), (412, 66), (424, 74),
    (418, 110), (300, 240), (190, 180),
]  # fmt: skip
ASTRONAUT = [
    (22, 512), (24, 420), (38, 280), (70, 238), (112, 205), (116, 185), (140, 160), (180, 148), (182, 122),
    (158, 105), (154, 78), (170, 45), (210, 18), (250, 18), (290, 45), (302, 90), (296, 122), (270, 140),
    (256, 184), (290, 205), (308, 240), (345, 270), (362, 330), (366, 350), (400, 342), (440, 352), (478, 385),
    (494, 440), (510, 480), (510, 512),
]  # fmt: skip


def cut_out(picture: np.ndarray, outline: list[tuple[int, int]], sure: int, reach: int) -> np.ndarray:
    """A soft matte, H W in [0, 1]: GrabCut between a shrunken and a grown outline, smoothed by about a pixel."""
    shape = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(shape, [np.array(outline, np.int32)], 1)
    if outline is CUP:
        centre, axes, turn = SAUCER
        cv2.ellipse(shape, centre, axes, turn, 0, 360, 1, -1)
    labels = np.full(shape.shape, cv2.GC_BGD, np.uint8)
    labels[cv2.dilate(shape, np.ones((reach, reach), np.uint8)) > 0] = cv2.GC_PR_BGD
    labels[shape > 0] = cv2.GC_PR_FGD
    labels[cv2.erode(shape, np.ones((sure, sure), np.uint8)) > 0] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(picture[..., ::-1].copy(), labels, None, *models, 6, cv2.GC_INIT_WITH_MASK)
    hard = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    hard = cv2.morphologyEx(hard, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    hard = cv2.morphologyEx(hard, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(hard)
    if count > 1:
        hard = (pieces == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    hard = cv2.erode(hard, np.ones((3, 3), np.uint8))
    return cv2.GaussianBlur(hard.astype(np.float32), (0, 0), 1.0)


def inner_colours(picture: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Colours of the object, continued over its rim from 2 px inside, so that no old background shows."""
    core = cv2.erode((matte > 0.98).astype(np.uint8), np.ones((3, 3), np.uint8))
    far = cv2.inpaint(picture, ((core == 0) & (matte > 0)).astype(np.uint8), 3, cv2.INPAINT_TELEA)
    return np.where(core[..., None] > 0, picture, far)


def moved(colours: np.ndarray, gain: tuple[float, float, float], gamma: float, saturation: float) -> np.ndarray:
    """Another light: white balance and exposure (gain), gamma, saturation; values 0..255."""
    values = (colours.astype(np.float32) / 255) ** gamma * np.array(gain, np.float32)
    grey = values.mean(2, keepdims=True)
    return np.clip(grey + (values - grey) * saturation, 0, 1) * 255


def laid_over(front: np.ndarray, matte: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Ordinary alpha compositing, values 0..255."""
    return np.round(behind + matte[..., None] * (front.astype(np.float32) - behind)).astype(np.uint8)


def save(name: str, picture: np.ndarray) -> None:
    """Write an optimised PNG."""
    Image.fromarray(picture).save(OUT / f"{name}.png", optimize=True)


def recoloured(name: str, source: str, outline: list[tuple[int, int]], sure: int, **light: float | tuple) -> None:
    """An object of a photograph under another light, as the field's benchmark makes composites."""
    picture = np.array(Image.open(SOURCES / source).convert("RGB"))
    matte = np.round(cut_out(picture, outline, sure=sure, reach=7) * 255) / 255
    inside = inner_colours(picture, matte)
    save(name, laid_over(moved(inside, **light), matte, picture))  # type: ignore[arg-type]
    save(f"{name}_mask", (matte * 255).astype(np.uint8))
    save(f"{name}_real", laid_over(inside, matte, picture))


def shuttle_on_table() -> None:
    """The model shuttle of one photograph, standing on the table of another."""
    source = np.array(Image.open(SOURCES / "astronaut.png").convert("RGB"))
    table = np.array(Image.open(SOURCES / "coffee.png").convert("RGB"))
    top = 12  # rows of empty wall above, so that the tip has room
    source = np.concatenate([np.repeat(source[:1], top, axis=0), source])
    matte = cut_out(source, [(x, max(y + top, top)) for x, y in SHUTTLE], sure=9, reach=5)
    matte[:top] = 0
    box = slice(0, 300), slice(346, 482)
    front, alpha = inner_colours(source, matte)[box], matte[box]
    cutout = np.dstack([front, np.round(alpha * 255).astype(np.uint8)])
    canvas, mask = table.copy(), np.zeros(table.shape[:2], np.float32)
    y, x = 40, 462
    part = slice(y, y + front.shape[0]), slice(x, min(x + front.shape[1], table.shape[1]))
    width = part[1].stop - part[1].start
    mask[part] = np.round(alpha[:, :width] * 255) / 255
    canvas[part] = front[:, :width]
    save("shuttle", laid_over(canvas, mask, table))
    save("shuttle_mask", np.round(mask * 255).astype(np.uint8))
    save("cutout", cutout)
    save("background", table)


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    recoloured("cup", "coffee.png", CUP, sure=9, gain=(0.62, 0.86, 1.25), gamma=0.9, saturation=0.8)
    recoloured("astronaut", "astronaut.png", ASTRONAUT, sure=25, gain=(0.72, 0.86, 0.62), gamma=1.25, saturation=0.85)
    shuttle_on_table()
