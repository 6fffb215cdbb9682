"""What ``harmonize`` is asked for, as a list of pictures to be made; nothing is written yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from ..media.folders import Partners, others_in, pictures_in, same_name
from ..media.formats import READABLE, WRITABLE, written_name


@dataclass(frozen=True)
class Job:
    """One picture to be made: from a composite and its mask into a file, and what it looked at into another."""

    composite: Path
    mask: Path
    output: Path
    heat: Path | None


@dataclass
class Jobs:
    """All that is to be done.

    Attributes:
        jobs: what will be tried.
        folders: those that results go to, to be made.
        skipped: a line for each composite that has no mask.
        alone: files in the composites' folders that are no pictures.
    """

    jobs: list[Job] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    alone: int = 0


def plan(given: list[Path], mask: Path, output: Path, heat: Path | None) -> Jobs:
    """Pair composites (files, folders) with their masks and their results.

    Raises:
        InputError: when nothing could be done, results would overwrite each other or what is read, or a folder's
            pictures would each be their own mask.
    """
    asked = Jobs()
    composites: list[Path] = []
    for path in given:
        if path.is_dir():
            composites += _composites_in(path, mask)
            asked.alone += others_in(path)
        else:
            composites.append(path)
    single = len(given) == 1 and not given[0].is_dir()
    masks = Partners(pictures_in(mask), mask) if mask.is_dir() else None
    if single and not output.is_dir():
        found = mask if masks is None else masks.mask_of(composites[0])
        asked.jobs.append(Job(composites[0], found, output, heat))
        return asked
    one_map = single and heat is not None and heat.suffix.lower() in WRITABLE and not heat.is_dir()
    asked.folders = [output] if heat is None or one_map else [output, heat]
    for folder in asked.folders:
        if (folder.suffix.lower() in WRITABLE and not folder.is_dir()) or folder.is_file():
            raise InputError(f"several composites are written into a folder, got the file name {folder}")
    names = [written_name(c) for c in composites]
    if repeated := _repeated(composites, names):
        raise InputError(f"several composites would become {repeated}, one over the other in {output}")
    if any((output / n).resolve() == c.resolve() for c, n in zip(composites, names, strict=True)):
        raise InputError(f"the output folder {output} is the composites' own; name another")
    for composite, name in zip(composites, names, strict=True):
        try:
            found = mask if masks is None else masks.mask_of(composite)
        except InputError as error:
            asked.skipped.append(str(error))
            continue
        kept = heat if heat is None or one_map else heat / f"{composite.stem}.png"
        asked.jobs.append(Job(composite, found, output / name, kept))
    if not asked.jobs:
        raise InputError(asked.skipped[0])
    return asked


def refuse_collisions(jobs: list[Job], reference: Path | None) -> None:
    """No result may overwrite another, or what is read; one picture alone may be given back to its own file.

    Raises:
        InputError: naming the file.
    """
    read = {path.resolve() for job in jobs for path in (job.composite, job.mask)}
    read |= {reference.resolve()} if reference else set()
    written: set[Path] = set()
    for job in jobs:
        for path in (job.output, job.heat):
            if path is None:
                continue
            place = path.resolve()
            in_place = len(jobs) == 1 and path is job.output and place == job.composite.resolve()
            if place in read and not in_place:
                raise InputError(f"writing {path} would overwrite a picture that is read; name another")
            if place in written:
                raise InputError(f"two results would be written to {path}; name another")
            written.add(place)


def _repeated(composites: list[Path], names: list[str]) -> str | None:
    """A name that two results would have, also where the system takes upper and lower case for one, and of what.

    What lies side by side as A.png and a.png may do so again.
    """
    first: dict[str, tuple[Path, str]] = {}
    for composite, name in zip(composites, names, strict=True):
        other, taken = first.setdefault(same_name(name), (composite, name))
        if other is not composite and (name == taken or same_name(other.name) != same_name(composite.name)):
            return f"{name} ({other} and {composite})"
    return None


def _composites_in(folder: Path, mask: Path) -> list[Path]:
    """A folder's pictures; without the masks among them where they are kept in one folder."""
    inside = pictures_in(folder)
    if not inside:
        raise InputError(f"the folder {folder} holds no pictures ({' '.join(READABLE)})")
    if not (mask.is_dir() and folder.resolve() == mask.resolve()):
        return inside
    together = Partners(inside, folder)
    composites = [path for path in inside if not together.is_mask(path)]
    if len(composites) == len(inside):
        raise InputError(
            f"{folder} was given for the pictures and for the masks, and each picture would be its own mask; "
            "call masks NAME_mask, or keep them in another folder"
        )
    return composites
