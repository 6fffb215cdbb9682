"""Photographs with their label maps in tar files, as training reads them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

BLOCK = 512  # of a tar file, bytes


def add_pair(archive: tarfile.TarFile, number: int, picture: Image.Image, labels: np.ndarray, quality: int) -> int:
    """Add NUMBER.webp and NUMBER.png; returns the bytes that they take."""
    files = {".webp": io.BytesIO(), ".png": io.BytesIO()}
    picture.save(files[".webp"], "WEBP", quality=quality, method=2)
    Image.fromarray(labels).save(files[".png"], "PNG")
    taken = 0
    for suffix, file in files.items():
        member = tarfile.TarInfo(f"{number:06d}{suffix}")
        member.size = file.tell()
        file.seek(0)
        archive.addfile(member, file)
        taken += BLOCK * (1 + -(-member.size // BLOCK))
    return taken


class Parts:
    """NAME-000.tar, NAME-001.tar, ... of about ``mib`` MiB each; one has its name when it is whole."""

    def __init__(self, folder: Path, name: str, mib: float, quality: int) -> None:
        self.folder, self.name, self.most, self.quality = folder, name, mib * 2**20, quality
        self.count, self._part, self._taken = 0, 0, 0
        self._archive: tarfile.TarFile | None = None

    def add(self, picture: Image.Image, labels: np.ndarray) -> None:
        """Add a photograph and its label map, H W uint8."""
        if self._archive is None or self._taken > self.most:
            self.close()
            self._archive, self._taken = tarfile.open(self._path(".part"), "w"), 0
        self._taken += add_pair(self._archive, self.count, picture, labels, self.quality)
        self.count += 1

    def close(self) -> None:
        """Finish the last part."""
        if self._archive is not None:
            self._archive.close()
            self._path(".part").rename(self._path(""))
            self._archive, self._part = None, self._part + 1

    def _path(self, suffix: str) -> Path:
        return self.folder / f"{self.name}-{self._part:03d}.tar{suffix}"
