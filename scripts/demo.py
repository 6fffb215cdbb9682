"""Harmonize the composites that ship with the project and lay before, after and attention side by side."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from regharm_core.cli import main

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "assets" / "samples"
OUT = ROOT / "demo"
SHEET = OUT / "before_after_attention.png"
NAMES = ("studio", "night", "snow", "sunset", "neon")
TITLES = ("as pasted", "harmonized", "where the network looked")
WIDTH, HEIGHT, TITLE, GAP = 460, 300, 40, 8  # px: of a picture, of the titles' line, between pictures


def demo() -> int:
    """Make the sheet, then show it where there is a screen."""
    if code := make_sheet():
        return code
    sys.stdout.write(f"before | after | where it looked: {SHEET}\n")
    _show(SHEET)
    return 0


def make_sheet() -> int:
    """Run the shell's own command on each sample and lay out what it made; the command's exit status."""
    OUT.mkdir(exist_ok=True)
    rows: list[list[Image.Image]] = []
    for name in NAMES:
        composite, mask = SAMPLES / f"{name}.png", SAMPLES / f"{name}_mask.png"
        result, heat = OUT / f"{name}.png", OUT / f"{name}_attention.png"
        arguments = ["harmonize", composite, mask, "-o", result, "--attention", heat]
        if code := main([str(a) for a in arguments]):
            return code
        rows.append([Image.open(p).convert("RGB") for p in (composite, result, heat)])
    _lay_out(rows).save(SHEET)
    return 0


def _lay_out(rows: list[list[Image.Image]]) -> Image.Image:
    """One picture a column, all cut to one size, under their titles."""
    font = ImageFont.load_default(22)
    sheet = Image.new("RGB", (len(TITLES) * (WIDTH + GAP) - GAP, TITLE + len(rows) * (HEIGHT + GAP) - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for column, title in enumerate(TITLES):
        draw.text((column * (WIDTH + GAP) + WIDTH // 2, TITLE // 2), title, "black", font, anchor="mm")
    for n, row in enumerate(rows):
        for column, picture in enumerate(row):
            cut = ImageOps.fit(picture, (WIDTH, HEIGHT), Image.Resampling.LANCZOS)
            sheet.paste(cut, (column * (WIDTH + GAP), TITLE + n * (HEIGHT + GAP)))
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
