"""iHarmony4 as it is published: composites that are ready-made, in four folders with lists of names.

    ROOT/HCOCO/{composite_images,masks,real_images}/  HCOCO_train.txt  HCOCO_test.txt
    ROOT/HAdobe5k/...  ROOT/HFlickr/...  ROOT/Hday2night/...

A composite ``a0001_1_2.jpg`` has the mask ``a0001_1.png`` and the real image ``a0001.jpg`` (Cong et al.,
"DoveNet", CVPR 2020). One of the four folders may stand alone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..errors import InputError
from .moves import uniform
from .photographs import STORE_SIZE
from .source import Batch
from .windows import draw_windows

SUBSETS = ("HCOCO", "HAdobe5k", "HFlickr", "Hday2night")
Split = Literal["train", "test"]
Member = tuple[str, Path, Path, Path]  # name, composite, mask, real


def is_iharmony4(folder: Path) -> bool:
    """Whether a folder is iHarmony4's, or one of its four."""
    return bool(_subsets(folder))


def list_iharmony4(folder: Path, split: Split) -> list[Member]:
    """(SUBSET/name, composite, mask, real) of each member of a split, in the order of its lists.

    Raises:
        InputError: when there is no subset, a list is missing or empty, or a name in it has the wrong form.
    """
    members: list[Member] = []
    for subset in _subsets(folder):
        names = subset / f"{subset.name}_{split}.txt"
        try:
            lines = [line.strip() for line in names.read_text().splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read the list {names}: {error}") from None
        for line in filter(None, lines):
            name = Path(line).name  # some lists give HCOCO/composite_images/NAME
            parts = Path(name).stem.rsplit("_", 2)
            if len(parts) != 3:
                raise InputError(f"{names} lists {line!r}; wanted IMAGE_MASK_NUMBER.jpg")
            composite = subset / "composite_images" / name
            mask, real = subset / "masks" / f"{parts[0]}_{parts[1]}.png", subset / "real_images" / f"{parts[0]}.jpg"
            members.append((f"{subset.name}/{Path(name).stem}", composite, mask, real))
    if not members:
        raise InputError(f"{folder} holds no {split} images of iHarmony4; looked for {', '.join(SUBSETS)}")
    return members


def _subsets(folder: Path) -> list[Path]:
    if folder.name in SUBSETS and (folder / "composite_images").is_dir():
        return [folder]
    return [folder / name for name in SUBSETS if (folder / name / "composite_images").is_dir()]


class IHarmony4:
    """Batches of a training split: pictures read when they are drawn, and kept while there is room.

    Args:
        folders: iHarmony4's root, or some of its four folders.
        device: where batches are made.
        crop, close, context: the window that is shown, see :class:`.composites.CompositeConfig`.
        keep: bytes of decoded pictures to hold in memory; all of iHarmony4 takes 38 GB.
        workers: threads that decode.

    Raises:
        InputError: when a list is missing; from ``batch``, when a picture is.
    """

    def __init__(
        self,
        folders: list[Path],
        device: torch.device,
        *,
        crop: float = 0.6,
        close: float = 0.75,
        context: tuple[float, float] = (1.25, 3.0),
        keep: int = 8 << 30,
        workers: int = 8,
    ) -> None:
        self.members = [member for folder in folders for member in list_iharmony4(folder, "train")]
        self.device = device
        self.crop, self.close, self.context = crop, close, context
        self._kept: dict[int, Tensor] = {}
        self._room = keep // (7 * STORE_SIZE**2)
        self._pool = ThreadPoolExecutor(workers)

    def __len__(self) -> int:
        return len(self.members)

    @torch.no_grad()
    def batch(self, count: int, size: int, generator: torch.Generator) -> Batch:
        """``count`` composites of ``size`` px: a random window, half of them mirrored."""
        index = torch.randint(len(self), (count,), generator=generator, device=generator.device).tolist()
        read = torch.stack(list(self._pool.map(self._read, index))).to(self.device).float() / 255  # B 7 S S
        region = (read[:, 6:] > 0.5).float()
        windows = draw_windows(region, self.crop, self.close, self.context, generator)
        making = int(size * float(uniform((1,), 1.0, 1.25, generator)))
        made = windows.of(read, making, "bilinear")
        made = F.interpolate(made, (size, size), mode="bilinear", antialias=True).clamp(0, 1)
        kind = torch.zeros(count, dtype=torch.long, device=self.device)
        return Batch(made[:, :3], made[:, 6:], made[:, 3:6], kind)

    def _read(self, number: int) -> Tensor:
        """Composite, real image and mask of one member: 7 S S uint8."""
        if (kept := self._kept.get(number)) is not None:
            return kept
        _, composite, mask, real = self.members[number]
        layers = [_open(composite, "RGB"), _open(real, "RGB"), _open(mask, "L")]
        read = torch.cat(layers)
        if len(self._kept) < self._room:
            self._kept[number] = read
        return read


def _open(path: Path, mode: str) -> Tensor:
    """A picture squeezed to a square, C S S uint8."""
    size = (STORE_SIZE, STORE_SIZE)
    try:
        with Image.open(path) as file:
            file.draft(mode, (2 * STORE_SIZE, 2 * STORE_SIZE))  # large JPEGs decode reduced
            picture = file.convert(mode).resize(size, Image.Resampling.BILINEAR)
    except OSError as error:
        raise InputError(f"a picture of iHarmony4 cannot be read: {path}: {error}") from None
    return torch.from_numpy(np.array(picture)).reshape(STORE_SIZE, STORE_SIZE, -1).permute(2, 0, 1)
