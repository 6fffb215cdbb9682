"""A weights file split into parts of limited size, for hosts that take no large files, and joined again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ..errors import InputError
from .files import replacing

SUFFIX = ".shards.json"  # the list of parts and their checksums, beside them
DEFAULT_LIMIT = 15 << 20  # bytes a part
LARGEST_LIST = 1 << 20  # bytes
MOST = 999  # parts


def split_file(path: Path, folder: Path, limit: int = DEFAULT_LIMIT) -> Path:
    """Write ``folder/NAME.001``, ``.002``, ... of at most ``limit`` bytes, and their list ``NAME.shards.json``.

    Returns:
        The list's path, for :func:`join_shards`.

    Raises:
        InputError: when the file cannot be read, or the limit is not positive or makes too many parts.
    """
    if limit < 1:
        raise InputError(f"a shard's size must be positive, got {limit} bytes")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    if (count := -(-len(data) // limit)) > MOST:
        raise InputError(f"{path} of {len(data)} bytes would need {count} shards of {limit} bytes; at most {MOST}")
    parts: list[dict[str, Any]] = []
    for number, start in enumerate(range(0, max(len(data), 1), limit), 1):
        part = data[start : start + limit]
        name = f"{path.name}.{number:03d}"
        with replacing(folder / name) as temporary:
            temporary.write_bytes(part)
        parts.append({"name": name, "bytes": len(part), "sha256": hashlib.sha256(part).hexdigest()})
    listed = folder / f"{path.name}{SUFFIX}"
    whole = {"file": path.name, "sha256": hashlib.sha256(data).hexdigest(), "parts": parts}
    with replacing(listed) as temporary:
        temporary.write_text(json.dumps(whole, indent=1) + "\n")
    return listed


def join_shards(listed: Path, out: Path) -> None:
    """Join the parts that :func:`split_file` wrote; the file is written whole or not at all.

    Raises:
        InputError: when the list or a part is missing, has been changed, or names a file outside its folder, and when
            the file would overwrite one of them.
    """
    whole, parts = _read_list(listed)
    if out.resolve() in {listed.resolve(), *((listed.parent / part["name"]).resolve() for part in parts)}:
        raise InputError(f"writing {out} would overwrite what is joined; name another")
    total = hashlib.sha256()
    with replacing(out) as temporary, temporary.open("wb") as file:
        for part in parts:
            path = listed.parent / part["name"]
            try:
                data = path.read_bytes() if path.stat().st_size == part["bytes"] else None
            except OSError as error:
                raise InputError(f"cannot read the shard {path}: {error.strerror}") from None
            if data is None or hashlib.sha256(data).hexdigest() != part["sha256"]:
                raise InputError(f"the shard {path} is not what {listed.name} says it is")
            total.update(data)
            file.write(data)
        if total.hexdigest() != whole:
            raise InputError(f"the shards of {listed} are sound but do not make the file it tells of")


def _read_list(listed: Path) -> tuple[str, list[dict[str, Any]]]:
    """The whole file's checksum, and the parts."""
    try:
        if listed.stat().st_size > LARGEST_LIST:
            raise InputError(f"{listed} is too long for a list of shards")
        read = json.loads(listed.read_text(encoding="utf-8"))
        whole, parts = read["sha256"], read["parts"]
        sound = type(parts) is list and all(
            _plain(p["name"]) and type(p["bytes"]) is int and type(p["sha256"]) is str for p in parts
        )
    except InputError:  # a ValueError too
        raise
    except OSError as error:
        raise InputError(f"cannot read the list of shards {listed}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{listed} is no list of shards: {type(error).__name__}") from None
    if not parts or not sound:
        raise InputError(f"{listed} is no list of shards: wanted names in its folder, sizes and checksums")
    return whole, parts


def _plain(name: object) -> bool:
    """Whether a name can only mean a file in the list's own folder, on every system."""
    return type(name) is str and name.isprintable() and name not in ("", ".", "..") and not set(name) & set("/\\:")
