"""Draw the icon: a disc on a ground, its left half foreign, its right half at home.

python assets/make_icon.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

SIZE, SCALE = 400, 4  # px, and how much larger it is drawn
WARM, DEEP, FOREIGN, HOME = (246, 178, 107), (153, 68, 46), (120, 190, 240), (255, 226, 170)


def main() -> None:
    """Write icon.png beside this file."""
    side = SIZE * SCALE
    ramp = Image.linear_gradient("L").resize((side, side))
    ground = Image.composite(Image.new("RGB", (side, side), DEEP), Image.new("RGB", (side, side), WARM), ramp)
    disc, half = Image.new("L", (side, side), 0), Image.new("L", (side, side), 0)
    margin = side * 17 // 100
    ImageDraw.Draw(disc).ellipse((margin, margin, side - margin, side - margin), fill=255)
    ImageDraw.Draw(half).rectangle((0, 0, side // 2, side), fill=255)
    lit = Image.composite(Image.new("RGB", (side, side), (206, 122, 74)), Image.new("RGB", (side, side), HOME), ramp)
    ground.paste(lit, mask=disc)
    foreign = Image.composite(
        Image.new("RGB", (side, side), (62, 96, 190)), Image.new("RGB", (side, side), FOREIGN), ramp
    )
    left = Image.new("L", (side, side), 0)
    left.paste(disc, mask=half)
    ground.paste(foreign, mask=left)
    corner = Image.new("L", (side, side), 0)
    ImageDraw.Draw(corner).rounded_rectangle((0, 0, side - 1, side - 1), side // 6, fill=255)
    ground.putalpha(corner)
    ground.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(Path(__file__).with_name("icon.png"), optimize=True)


if __name__ == "__main__":
    main()
