"""Files are written whole or not at all: under a temporary name in the same folder, then renamed."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

STEM = 40  # characters of the file's name in its temporary name, so that it does not become too long for the system


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """A temporary path in the same folder that takes ``path``'s name when the block ends well.

    On an error the temporary file is removed and the former file stays as it was. After a kill the temporary
    file stays behind. Its name begins with a dot, and such files are skipped in folders of pictures and pairs.

    Raises:
        OSError: says that ``path`` cannot be written and why, also when the block raised it (a full disk).
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:STEM]}.", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise _about(error, path) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _about(error, path) from None
    finally:
        temporary.unlink(missing_ok=True)


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
