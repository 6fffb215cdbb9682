"""Files are written whole or not at all: under a temporary name in the same folder, then renamed."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

STEM = 40  # characters of the file's name in its temporary name, so that it does not become too long for the system


@contextmanager
def replacing(path: Path, *, like: Path | None = None) -> Generator[Path]:
    """A temporary path in the same folder that takes ``path``'s name when the block ends well.

    On an error the temporary file is removed and the former file stays as it was. After a kill the temporary
    file stays behind; its name begins with a dot, which folders of pictures and pairs are read without.
    Permissions stay those of the former file; where there was none, they are those of ``like``, at least readable
    and writable for the owner, and nobody may do more than the process's mask allows. A symbolic link stays one:
    what it points to is replaced.

    Raises:
        OSError: says that ``path`` cannot be written and why, also when the block raised it (a full disk).
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        place = path.resolve() if path.is_symlink() else path
        permissions = _permissions(place, like)
        handle, name = tempfile.mkstemp(prefix=f".{place.stem[:STEM]}.", suffix=place.suffix, dir=place.parent)
    except OSError as error:
        raise _about(error, path) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(permissions)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(place)
    except OSError as error:
        raise _about(error, path) from None
    finally:
        temporary.unlink(missing_ok=True)


def _permissions(place: Path, like: Path | None) -> int:
    """What a file that is written to ``place`` may be done with, by whom."""
    if place.exists():
        return stat.S_IMODE(place.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    given = 0o666 if like is None else 0o600 | stat.S_IMODE(like.stat().st_mode) & 0o666
    return given & ~mask


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file, whole or not at all.

    Raises:
        OSError: when it cannot be written.
    """
    with replacing(path) as temporary:
        try:
            save_file(tensors, temporary, metadata=metadata)
        except SafetensorError as error:  # raised by the library on a full disk
            raise OSError(errno.EIO, str(error)) from None


def _about(error: OSError, path: Path) -> OSError:
    return OSError(error.errno or errno.EIO, f"cannot write {path}: {error.strerror or error}")
