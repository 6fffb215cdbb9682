"""Make the sample clip: the sample cut-out glides over the sample background.

Needs pillow. Deterministic; run from anywhere, after make_samples.py:

    python assets/make_clip.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

OUT = Path(__file__).resolve().parent / "samples"
SIZE = (480, 320)
FRAMES = 6


def main() -> None:
    """Write clip.png and clip_mask.png, animated PNGs of the same frames."""
    background = Image.open(OUT / "background.png").convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)
    cutout = Image.open(OUT / "cutout.png")
    cutout = cutout.resize((cutout.width * 3 // 5, cutout.height * 3 // 5), Image.Resampling.LANCZOS)
    pictures, masks = [], []
    for n in range(FRAMES):
        place = (10 + n * (SIZE[0] - cutout.width - 20) // (FRAMES - 1), 130 - 18 * n)
        picture, mask = background.copy(), Image.new("L", SIZE)
        picture.paste(cutout.convert("RGB"), place, cutout.getchannel("A"))
        mask.paste(cutout.getchannel("A"), place)
        pictures.append(picture)
        masks.append(mask)
    for name, frames in (("clip", pictures), ("clip_mask", masks)):
        frames[0].save(OUT / f"{name}.png", save_all=True, append_images=frames[1:], duration=150, optimize=True)


if __name__ == "__main__":
    main()
