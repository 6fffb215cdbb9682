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
    """A source whose batches are drawn once: where the same was asked before, it is read from a folder.

    What is asked is the generator's state and the batch's shape. The generator is left as drawing would have left
    it, so that a run cannot tell one from the other.

    Args:
        source: draws what is not there yet.
        folder: takes one file a batch, in fp32: 28 bytes a pixel, so 0.9 MB for 8 composites of 64 px.
        about: says in full what ``source`` draws from and how; another text never finds this one's batches.
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
        tensors = {name: tensor.cpu().contiguous() for name, tensor in vars(batch).items()}
        write_tensors(path, tensors | {"after": generator.get_state()}, {})
        return batch

    def _path(self, count: int, size: int, generator: torch.Generator) -> Path:
        asked = f"{self.about}\n{generator.device} {count} {size}\n".encode()
        digest = hashlib.sha1(asked + generator.get_state().numpy().tobytes(), usedforsecurity=False).hexdigest()
        return self.folder / digest[:2] / f"{digest[2:]}.safetensors"
