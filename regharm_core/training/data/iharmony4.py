"""iHarmony4 as it is published: composites that are ready-made, in four folders with lists of names.

    ROOT/HCOCO/{composite_images,masks,real_images}/  HCOCO_train.txt  HCOCO_test.txt
    ROOT/HAdobe5k/...  ROOT/HFlickr/...  ROOT/Hday2night/...

A composite ``a0001_1_2.jpg`` has the mask ``a0001_1.png`` and the real image ``a0001.jpg`` (Cong et al.,
"DoveNet", CVPR 2020). One of the four folders may stand alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ...errors import InputError

SUBSETS = ("HCOCO", "HAdobe5k", "HFlickr", "Hday2night")
ROOMS = ("composite_images", "masks", "real_images")
Split = Literal["train", "test"]
Member = tuple[str, Path, Path, Path]  # name, composite, mask, real


def is_iharmony4(folder: Path) -> bool:
    """Whether a folder is iHarmony4's, or one of its four."""
    return bool(subsets(folder))


def subsets(folder: Path) -> list[Path]:
    """Those of the four folders that are in ``folder``; ``folder`` alone where it is one of the four."""
    if _name(folder) in SUBSETS and folder.is_dir():
        return [folder]
    return [folder / name for name in SUBSETS if (folder / name).is_dir()]


def list_iharmony4(folder: Path, split: Split) -> list[Member]:
    """(SUBSET/name, composite, mask, real) of each member of a split, in the order of its lists.

    Raises:
        InputError: when there is no subset, a folder, a list or a listed picture is missing, or a name in a
            list has the wrong form.
    """
    members: list[Member] = []
    for subset in subsets(folder):
        members += _members(subset, split)
    if not members:
        raise InputError(f"{folder} holds no {split} images of iHarmony4; looked for {', '.join(SUBSETS)}")
    return members


def _name(folder: Path) -> str:
    """A folder's name: as it is given (also a link's name), or, for a path like ".", the real name."""
    return folder.name if folder.name in SUBSETS else folder.resolve().name


def _members(subset: Path, split: Split) -> list[Member]:
    name = _name(subset)
    listed = subset / f"{name}_{split}.txt"
    there: dict[str, set[str]] = {}
    try:
        lines = [line.strip() for line in listed.read_text(encoding="utf-8").splitlines()]
        for room in ROOMS:  # listed once, now: a run should not fail after a day because a picture is missing
            there[room] = {p.name for p in (subset / room).iterdir()}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"iHarmony4 in {subset} is not complete: {error}") from None
    members: list[Member] = []
    missing: list[Path] = []
    for line in filter(None, lines):
        file = Path(line).name  # some lists give HCOCO/composite_images/NAME
        parts = Path(file).stem.rsplit("_", 2)
        if len(parts) != 3 or not all(parts):
            raise InputError(f"{listed} lists {line[:80]!r}; wanted IMAGE_MASK_NUMBER.jpg")
        names = (file, f"{parts[0]}_{parts[1]}.png", f"{parts[0]}.jpg")
        paths = [subset / room / n for room, n in zip(ROOMS, names, strict=True)]
        missing += [path for path in paths if path.name not in there[path.parent.name]]
        members.append((f"{name}/{Path(file).stem}", paths[0], paths[1], paths[2]))
    if missing:
        raise InputError(f"{listed} lists {len(missing)} pictures that are not there, e.g. {missing[0]}")
    return members
