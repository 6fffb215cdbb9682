"""Harmonize the composites that ship with the project and lay before, after and attention side by side."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from regharm_core.cli import main

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "assets" / "samples"
OUT = ROOT / "demo"
NAMES = ("astronaut", "cup", "shuttle")
TITLES = ("as pasted", "harmonized", "where the network looked")
WIDTH, TITLE, GAP = 460, 40, 8  # px: of a picture, of the titles' line, between pictures


def demo() -> int:
    """Run the shell's own command on each sample, then show the sheet where there is a screen."""
    OUT.mkdir(exist_ok=True)
    rows: list[list[Image.Image]] = []
    for name in NAMES:
        composite, mask = SAMPLES / f"{name}.png", SAMPLES / f"{name}_mask.png"
        result, heat = OUT / f"{name}.png", OUT / f"{name}_attention.png"
        arguments = ["harmonize", composite, mask, "-o", result, "--attention", heat]
        if code := main([str(a) for a in arguments]):
            return code
        rows.append([Image.open(p).convert("RGB") for p in (composite, result, heat)])
    sheet = OUT / "before_after_attention.png"
    _lay_out(rows).save(sheet)
    sys.stdout.write(f"before | after | where it looked: {sheet}\n")
    _show(sheet)
    return 0


def _lay_out(rows: list[list[Image.Image]]) -> Image.Image:
    """One picture a column, all equally wide, under their titles."""
    font = ImageFont.load_default(22)
    scaled = [[p.resize((WIDTH, round(p.height * WIDTH / p.width)), Image.Resampling.LANCZOS) for p in r] for r in rows]
    height = TITLE + sum(row[0].height + GAP for row in scaled) - GAP
    sheet = Image.new("RGB", (len(TITLES) * (WIDTH + GAP) - GAP, height), "white")
    draw = ImageDraw.Draw(sheet)
    for column, title in enumerate(TITLES):
        draw.text((column * (WIDTH + GAP) + WIDTH // 2, TITLE // 2), title, "black", font, anchor="mm")
    y = TITLE
    for row in scaled:
        for column, picture in enumerate(row):
            sheet.paste(picture, (column * (WIDTH + GAP), y))
        y += row[0].height + GAP
    return sheet


def _show(path: Path) -> None:
    """Open the system's picture viewer, if this session has a screen."""
    if sys.platform == "darwin":
        subprocess.run(["open", str(path)], check=False)  # noqa: S603, S607
    elif sys.platform == "win32":
        os.startfile(path)  # noqa: S606
    elif os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        subprocess.run(["xdg-open", str(path)], check=False)  # noqa: S603, S607


if __name__ == "__main__":
    raise SystemExit(demo())
