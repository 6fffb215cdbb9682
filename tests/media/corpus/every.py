"""All rows of the corpus."""

from __future__ import annotations

from . import hand, openimageio, pillow, tiff

ROWS = [*tiff.ROWS, *pillow.ROWS, *openimageio.ROWS, *hand.ROWS]
