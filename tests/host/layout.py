"""Pictures laid side by side, and thumbnails of strips."""

from __future__ import annotations

from PIL import Image

THUMBNAIL = (640, 400)


def side_by_side(pictures: list[Image.Image], height: int, gap: int = 4) -> Image.Image:
    """A row of pictures of one height on white."""
    resized = [p.resize((round(p.width * height / p.height), height), Image.Resampling.LANCZOS) for p in pictures]
    row = Image.new("RGB", (sum(p.width for p in resized) + gap * (len(resized) - 1), height), "white")
    place = 0
    for picture in resized:
        row.paste(picture, (place, 0))
        place += picture.width + gap
    return row


def stacked(pictures: list[Image.Image], gap: int = 4) -> Image.Image:
    """Pictures one beneath the other on white, from the left."""
    column = Image.new("RGB", (max(p.width for p in pictures), sum(p.height + gap for p in pictures) - gap), "white")
    place = 0
    for picture in pictures:
        column.paste(picture, (0, place))
        place += picture.height + gap
    return column


def strips(pictures: list[Image.Image], *centres: float) -> Image.Image:
    """A thumbnail of equally wide strips, each cut around its centre (a share of its picture's width), or all around
    one."""
    width, height = THUMBNAIL
    share = (width - 4 * (len(pictures) - 1)) // len(pictures)
    cut = []
    for picture, centre in zip(pictures, centres * (len(pictures) // len(centres)), strict=True):
        scale = max(height / picture.height, share / picture.width)
        big = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
        left = min(max(round(big.width * centre - share / 2), 0), big.width - share)
        top = (big.height - height) // 2
        cut.append(big.crop((left, top, left + share, top + height)))
    return side_by_side(cut, height)
