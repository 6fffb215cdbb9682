"""Picture files as tests write and read them, with libraries that the project does not use for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import tifffile


def save(path: Path, values: np.ndarray) -> None:
    """H W C of any type, by tifffile or OpenImageIO."""
    if path.suffix in (".tif", ".tiff"):
        tifffile.imwrite(path, values, photometric="rgb" if values.shape[2] >= 3 else "minisblack")
        return
    made = oiio.ImageBuf(np.ascontiguousarray(values))
    assert made.write(str(path)), made.geterror()


def load(path: Path) -> np.ndarray:
    """H W C as they are stored, by tifffile or OpenImageIO."""
    if path.suffix in (".tif", ".tiff"):
        return tifffile.imread(path)
    return oiio.ImageBuf(str(path)).get_pixels(oiio.ImageBuf(str(path)).spec().format)
