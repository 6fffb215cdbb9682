"""Fixed pairs to choose on: composites of each kind made once from photographs that are kept out of training.

usage: make_pairs.py OUT PHOTOGRAPHS [PHOTOGRAPHS ...] [--pairs 300] [--side 256] [--seed 0]

PHOTOGRAPHS are tar files or folders of ID.webp and ID.png, as for training. OUT gets a folder a kind (plain, paste,
inpaint, graded), each with real/, composite/ and mask/, for ``python -m regharm_core evaluate OUT/KIND`` and for
``validate`` in a recipe. Two more have moves as in iHarmony4: colour transfers alone, not blended, from regions that
show the same kind of thing. In alike they are plain; in alike-paste the rim is rebuilt, so that no pixel of it shows
what the move was. The difference between the two is what a network reads off rims. The same photographs, numbers and
seed give the same pairs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from regharm_core.training.data.alike import find_alike
from regharm_core.training.data.composite_config import CompositeConfig
from regharm_core.training.data.composites import CompositeMaker
from regharm_core.training.data.moves import USUAL
from regharm_core.training.data.photographs import load_photographs
from regharm_core.training.run.eyes import load_eye

EYE = Path(__file__).parent.parent / "weights" / "regharm.safetensors"
KINDS = ("plain", "paste", "inpaint", "graded")
AS_IHARMONY4: dict[str, Any] = {"full": 1.0, "alike": 1.0, "moves": USUAL[:4]}
# What is special about each folder's composites, and which kind they are. Graded ones take the share of others.
FOLDERS: dict[str, tuple[str, dict[str, Any]]] = {
    **{kind: (kind, {kind: 1.0, "strong": 0.1}) for kind in KINDS[:3]},
    "graded": ("graded", {"plain": 1.0, "graded": 1.0, "strong": 0.1}),
    "alike": ("plain", {"plain": 1.0, **AS_IHARMONY4}),
    "alike-paste": ("paste", {"paste": 1.0, **AS_IHARMONY4}),
}
AT_ONCE = 10  # composites made together
LEAST = 20.0  # squared 8-bit values over the foreground: what is less wrong than this tells nothing


def make_kind(maker: CompositeMaker, kind: str, folder: Path, pairs: int, side: int, random: torch.Generator) -> None:
    """Write ``pairs`` composites of one kind."""
    number = KINDS.index(kind)
    for part in ("real", "composite", "mask"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    written = 0
    while written < pairs:
        batch = maker.batch(AT_ONCE, side, random)
        error = ((batch.composite - batch.target) * 255).square().mean(1, keepdim=True)
        wrong = (error * batch.mask).sum((1, 2, 3)) / batch.mask.sum((1, 2, 3)).clamp_min(1)
        for n in ((batch.kind == number) & (wrong >= LEAST)).nonzero()[:, 0].tolist():
            if written < pairs:
                for part, values in (("real", batch.target), ("composite", batch.composite), ("mask", batch.mask)):
                    write(values[n], folder / part / f"{written:04d}.png")
                written += 1


def write(values: Tensor, path: Path) -> None:
    """C H W in [0, 1] as an 8-bit picture."""
    pixels = (values * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)).save(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make every kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("photographs", type=Path, nargs="+")
    parser.add_argument("--pairs", type=int, default=300, help="of each kind")
    parser.add_argument("--side", type=int, default=256, help="px")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    photographs = load_photographs(given.photographs)
    alike = find_alike(load_eye(EYE), photographs)
    for n, (name, (kind, special)) in enumerate(FOLDERS.items()):
        # Whole pictures, exact masks, made at their own size as iHarmony4 is; a new seed a kind.
        config = CompositeConfig(
            **({other: 0.0 for other in KINDS} | special),
            crop=1.0,
            close=0.0,
            making=(1.0, 1.0),
            jitter=0.0,
            identity=0.0,
            rough=False,
        )
        random = torch.Generator().manual_seed(given.seed * len(KINDS) + n)
        make_kind(CompositeMaker(photographs, config, alike), kind, given.out / name, given.pairs, given.side, random)


if __name__ == "__main__":
    main()
