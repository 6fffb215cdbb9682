"""Folders as people keep them: which files are pictures, and which mask belongs to which."""

from __future__ import annotations

import re
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError
from .formats import READABLE

IHARMONY4 = re.compile(r"(.+)_(\d+)_(\d+)")  # image, mask, number
SYSTEM = ("thumbs.db", "ehthumbs.db", "desktop.ini")  # what Windows keeps in folders
MARKS = ("{}_mask", "{}-mask", "mask_{}", "mask-{}")  # how a mask is called after its picture


def pictures_in(folder: Path) -> list[Path]:
    """In the order of their names: files whose suffix is a picture's, but for hidden ones.

    So ``Thumbs.db``, ``.DS_Store``, what macOS leaves beside each file and what a killed run left behind stay alone.
    A link that leads nowhere is among them: who reads it says so.
    """
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in READABLE and not _is_hidden(p) and not p.is_dir())


def others_in(folder: Path) -> int:
    """How many files lie there that are no pictures; hidden ones and those of the system do not count."""
    others = (p for p in folder.iterdir() if p.suffix.lower() not in READABLE and p.name.lower() not in SYSTEM)
    return sum(p.is_file() and not _is_hidden(p) for p in others)


def same_name(text: str) -> str:
    """A name without what tells it apart on some systems only: upper and lower case, and composed letters."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


class Partners:
    """The files of a folder, found by the name of a picture that they belong to.

    Args:
        files: those that are there.
        place: their folder, for messages.
    """

    def __init__(self, files: Iterable[Path], place: Path) -> None:
        self.place = place
        self._files: dict[str, list[Path]] = {}
        for path in files:
            self._files.setdefault(same_name(path.stem), []).append(path)

    def mask_of(self, picture: Path) -> Path:
        """The mask of a picture: NAME, NAME_mask, NAME-mask or mask_NAME; for iHarmony4's NAME_1_2 also NAME_1.

        Raises:
            InputError: when there is none, or several could be meant.
        """
        stem, iharmony4 = picture.stem, IHARMONY4.fullmatch(picture.stem)
        found = self._find(picture, [stem, *(mark.format(stem) for mark in MARKS)])
        if not found and iharmony4:
            found = self._find(picture, [f"{iharmony4[1]}_{iharmony4[2]}"])
        return self._only(picture, found, "mask", f"{stem}.* or {stem}_mask.*")

    def real_of(self, picture: Path) -> Path:
        """The truth of a composite: NAME; for iHarmony4's NAME_1_2 also NAME.

        Raises:
            InputError: when there is none, or several could be meant.
        """
        stem, iharmony4 = picture.stem, IHARMONY4.fullmatch(picture.stem)
        found = self._find(picture, [stem])
        if not found and iharmony4:
            found = self._find(picture, [iharmony4[1]])
        return self._only(picture, found, "partner", f"{stem}.*")

    def is_mask(self, picture: Path) -> bool:
        """Whether a file of this folder is called after another picture in it, as a mask is."""
        own = same_name(picture.stem)
        return any(same_name(mark.format(other)) == own for mark in MARKS for other in self._files if other != own)

    def _find(self, picture: Path, stems: list[str]) -> list[Path]:
        """Each file of one of these names, the picture itself apart; only those spelled alike where there are such."""
        found = [p for stem in stems for p in self._files.get(same_name(stem), []) if p.resolve() != picture.resolve()]
        return [p for p in found if p.stem in stems] or found

    def _only(self, picture: Path, found: list[Path], what: str, wanted: str) -> Path:
        if not found:
            raise InputError(f"the folder {self.place} holds no {what} for {picture.name} (wanted {wanted})")
        if len(found) > 1:
            names = " and ".join(p.name for p in found)
            raise InputError(f"the folder {self.place} holds several {what}s for {picture.name}: {names}")
        return found[0]


def _is_hidden(path: Path) -> bool:
    """A name with a leading dot, or what Windows marks so."""
    if path.name.startswith("."):
        return True
    try:
        return bool(getattr(path.stat(), "st_file_attributes", 0) & stat.FILE_ATTRIBUTE_HIDDEN)
    except OSError:
        return False
