"""The conditions under which every row is trained and measured, and the recipe made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...network.config import HarmonizerConfig
from ..data.composite_config import CompositeConfig
from ..run.recipe import Phase, Recipe
from .rows import PAPER_WIDTH, find_network

REVISION = 2  # raise it when the network or the training changes so that older results no longer compare


@dataclass(frozen=True)
class Conditions:
    """Equal for all rows.

    The budget is a number of steps, not of seconds: every row sees the same composites in the same order
    (one seed gives one stream, whatever the network), and neither other work on the machine nor a module's
    own cost shortens a row's training. What a module costs is reported as seconds beside the result.

    Attributes:
        width: C; the paper's 32 and its multiples become this width and its multiples.
        size: side in px of what the network is trained on and shown when it is measured.
        batch, steps: of the training.
        learning_rate: Adam's, after a short rise falling as a cosine to 1 %.
        bf16: autocast in training; measured in fp32.
    """

    width: int = 16
    size: int = 64
    batch: int = 8
    steps: int = 8600
    learning_rate: float = 3e-4
    bf16: bool = True

    @property
    def name(self) -> str:
        """Name of the folder that holds the results under these conditions."""
        return f"w{self.width}-s{self.size}-b{self.batch}-n{self.steps}"

    def model(self, network: str) -> HarmonizerConfig:
        """A row's network at this width."""
        printed = find_network(network)
        return replace(printed, width=printed.width // PAPER_WIDTH * self.width, view=self.size)

    def recipe(self, network: str, seed: int, data: Sequence[Path], out: Path, threads: int | None) -> Recipe:
        """How a row is trained: flips and random crops, most of them around the region that is changed.

        The paper crops whole photographs; there foregrounds are small, and a short training learns little.
        """
        return Recipe(
            data=tuple(str(path) for path in data),
            out=str(out),
            model=self.model(network),
            composites=CompositeConfig(),
            phases=(Phase(self.size, self.batch, 1.0),),
            steps=self.steps,
            learning_rate=self.learning_rate,
            warmup=min(100, self.steps // 10),
            average=0.995,
            seed=seed,
            threads=threads,
            bf16=self.bf16,
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields, as they are saved with a result."""
        return asdict(self)
