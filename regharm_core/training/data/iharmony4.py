"""iHarmony4 as it is published, and as public code keeps it: composites that are ready-made, with lists of names.

    ROOT/HCOCO/{composite_images,masks,real_images}/  HCOCO_train.txt  HCOCO_test.txt
    ROOT/HAdobe5k/...  ROOT/HFlickr/...  ROOT/Hday2night/...
    ROOT/IHD_train.txt  ROOT/IHD_test.txt             lines of HCOCO/composite_images/NAME; where there, they count

A composite ``a0001_1_2.jpg`` has the mask ``a0001_1.png`` and the real image ``a0001.jpg`` (Cong et al.,
"DoveNet", CVPR 2020). One of the four folders may stand alone, under any name, and copies may have other suffixes
than the lists give.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Literal

from ...errors import InputError
from ...media.folders import pictures_in, same_name

SUBSETS = ("HCOCO", "HAdobe5k", "HFlickr", "Hday2night")
ROOMS = ("composite_images", "masks", "real_images")
WHOLE = "IHD"  # how the lists of all subsets together are called
Split = Literal["train", "test"]
Member = tuple[str, Path, Path, Path]  # name, composite, mask, real


def is_iharmony4(folder: Path) -> bool:
    """Whether a folder is iHarmony4's, or one of its four."""
    return bool(subsets(folder))


def subsets(folder: Path) -> list[Path]:
    """Those of the four folders that stand in ``folder``, or it alone where it is one of them, whatever its name.

    Where none of the four is there by its name, all that have a folder ``composite_images`` are.
    """
    if (folder / ROOMS[0]).is_dir() or (_name(folder) in SUBSETS and folder.is_dir()):
        return [folder]
    named = [folder / name for name in SUBSETS if (folder / name).is_dir()]
    if named or not folder.is_dir():
        return named
    return sorted(path for path in folder.iterdir() if (path / ROOMS[0]).is_dir())


def list_iharmony4(folder: Path, split: Split) -> list[Member]:
    """(SUBSET/name, composite, mask, real) of each member of a split, in the order of its lists.

    Raises:
        InputError: when there is no subset, a folder, a list or a listed picture is missing, or a name in a
            list has the wrong form.
    """
    found = subsets(folder)
    whole = folder / f"{WHOLE}_{split}.txt"
    members: list[Member] = []
    if folder not in found and whole.is_file():
        by_subset: dict[str, list[str]] = {}
        for line in _lines(whole):
            by_subset.setdefault(_subset_in(line, whole), []).append(line)
        for name, lines in by_subset.items():
            members += _members(folder / name, whole, lines)
    else:
        for subset in found:
            members += _members(subset, *_listed(subset, split))
    if not members:
        raise InputError(f"{folder} holds no {split} images of iHarmony4; looked for {', '.join(SUBSETS)}")
    return members


def _name(folder: Path) -> str:
    """A folder's name: as it is given (also a link's name), or, for a path like ".", the real name."""
    return folder.name if folder.name in SUBSETS else folder.resolve().name


def _listed(subset: Path, split: Split) -> tuple[Path, list[str]]:
    """A subset's list and its lines: under its own name, any other, or its part of the list of all."""
    own = subset / f"{_name(subset)}_{split}.txt"
    if own.is_file():
        return own, _lines(own)
    others = sorted(p for p in subset.glob(f"*{split}.txt") if not p.name.startswith("."))
    if len(others) == 1:
        return others[0], _lines(others[0])
    if len(others) > 1:
        raise InputError(f"{subset} holds several lists: {', '.join(p.name for p in others)}; wanted {own.name}")
    whole = subset.resolve().parent / f"{WHOLE}_{split}.txt"
    if whole.is_file():
        return whole, [line for line in _lines(whole) if _subset_in(line, whole) == _name(subset)]
    raise InputError(f"iHarmony4 in {subset} is not complete: there is no list {own}")


def _lines(listed: Path) -> list[str]:
    """A list's lines, with or without a byte-order mark, from any system."""
    try:
        text = listed.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the list {listed} of iHarmony4 cannot be read: {error}") from None
    return [line.strip().replace("\\", "/") for line in text.splitlines() if line.strip()]


def _subset_in(line: str, listed: Path) -> str:
    """The subset that a line of the list of all belongs to."""
    folders = [part for part in PurePosixPath(line).parts[:-1] if part not in ROOMS]
    if not folders or folders[-1] == "..":
        raise InputError(f"{listed} lists {line[:80]!r}; wanted SUBSET/{ROOMS[0]}/IMAGE_MASK_NUMBER.jpg")
    return folders[-1]


def _members(subset: Path, listed: Path, lines: list[str]) -> list[Member]:
    there = [_Room(subset / room) for room in ROOMS]  # one look at each: a run should not end on a gap after a day
    members: list[Member] = []
    missing: list[Path] = []
    for line in lines:
        file = PurePosixPath(line).name  # some lists give HCOCO/composite_images/NAME
        stem = PurePosixPath(file).stem
        parts = stem.rsplit("_", 2)
        if len(parts) != 3 or not all(parts):
            raise InputError(f"{listed} lists {line[:80]!r}; wanted IMAGE_MASK_NUMBER.jpg")
        names = ((file,), (f"{parts[0]}_{parts[1]}.png", f"{stem}.png"), (f"{parts[0]}.jpg",))
        paths = [room.find(wanted) for room, wanted in zip(there, names, strict=True)]
        missing += [room.folder / n[0] for room, n, path in zip(there, names, paths, strict=True) if path is None]
        composite, mask, real = (path or subset for path in paths)
        members.append((f"{_name(subset)}/{stem}", composite, mask, real))
    if missing:
        raise InputError(f"{listed} lists {len(missing)} pictures that are not there, e.g. {missing[0]}")
    return members


class _Room:
    """The pictures of one folder by their names, and by their names without suffixes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            inside = [path for path in pictures_in(folder) if path.is_file()]
        except OSError as error:
            raise InputError(f"iHarmony4 in {folder.parent} is not complete: {error}") from None
        self._whole = {path.name: path for path in inside}
        self._stems: dict[str, Path] = {}
        for path in inside:
            self._stems.setdefault(same_name(path.stem), path)

    def find(self, names: tuple[str, ...]) -> Path | None:
        """The first of these names that is there, else one that differs in its suffix or its case."""
        for name in names:
            if name in self._whole:
                return self._whole[name]
        stems = (self._stems.get(same_name(PurePosixPath(name).stem)) for name in names)
        return next((path for path in stems if path is not None), None)
