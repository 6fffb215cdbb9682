"""Batches kept on disk, for runs that see the same composites in the same order."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ...store.files import write_tensors
from .source import Batch, Source


class Kept:
    """A source that draws each batch once and keeps it in a folder; asked for the same batch again, it reads it.

    Two requests are the same when the generator's state and the batch's shape are. After reading, the generator
    has the state that drawing would have left, so a run cannot tell the difference.

    Args:
        source: draws what is not there yet.
        folder: takes one file a batch, in fp32: 28 bytes a pixel, so 0.9 MB for 8 composites of 64 px.
        about: says in full what ``source`` draws from and how; batches kept under another text are not used.
    """

    def __init__(self, source: Source, folder: Path, about: str) -> None:
        self.source, self.folder, self.about = source, folder, about

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, count: int, size: int, generator: torch.Generator) -> Batch:
        """As the source's; a file that cannot be read is drawn and written again.

        Raises:
            OSError: when the folder cannot be written.
        """
        path = self._path(count, size, generator)
        try:
            kept = load_file(path)
        except (OSError, SafetensorError):
            return self._draw(path, count, size, generator)
        generator.set_state(kept.pop("after").clone())  # torch reads from the storage's start
        return Batch(**{name: tensor.to(generator.device) for name, tensor in kept.items()})

    def _draw(self, path: Path, count: int, size: int, generator: torch.Generator) -> Batch:
        batch = self.source.batch(count, size, generator)
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.cpu().contiguous() for name, tensor in batch.parts.items()}
        write_tensors(path, tensors | {"after": generator.get_state()}, {})
        return batch

    def _path(self, count: int, size: int, generator: torch.Generator) -> Path:
        asked = f"{self.about}\n{generator.device} {count} {size}\n".encode()
        digest = hashlib.sha1(asked + generator.get_state().numpy().tobytes(), usedforsecurity=False).hexdigest()
        return self.folder / digest[:2] / f"{digest[2:]}.safetensors"
