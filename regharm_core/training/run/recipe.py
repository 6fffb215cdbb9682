"""What a training run is told, as one validated dataclass read from JSON.

Short trainings from nothing were compared: 11,200 composites at 64 px, in batches of 8 at a rate of 3e-4. Three seeds
left 84.9, 87.1 and 89.1 % of the error. With one thing changed:

- A rate of 1e-4 left 86.6; 1e-3 left 96.3, so it learned next to nothing in this time.
- Batches of 4 left 91.9, batches of 32 left 89.0.
- A view of 128 px with a quarter of the composites left 96.5; 64 px followed by 128 px left 91.5.
- No difference was seen for ``average`` (0, 0.99, 0.998: 87.2, 87.1, 87.2), for ``minimum_area`` (1, 100, 1000: 87.1,
  87.1, 86.6), and for weights stored in fp16.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from ...errors import ConfigError
from ...network.config import HarmonizerConfig
from ..data.checks import check_flag, check_number, check_path, check_whole
from ..data.composite_config import CompositeConfig
from .losses import A_MIN

LARGEST_SEED = 1 << 62
MOST_THREADS = 4096


@dataclass(frozen=True)
class Phase:
    """A part of the run at one resolution: network size in px, batch, share of the budget."""

    size: int
    batch: int
    share: float


@dataclass(frozen=True)
class Recipe:
    """A training run.

    Attributes:
        data: tar files or folders of photographs with region maps, or iHarmony4's root (or some of its
            four folders).
        out: folder for the state, the weights, the log and the curve.
        model: the network's configuration.
        composites: how composites are made, and which part of a picture is shown.
        phases: parts of the run, in order; shares are scaled to add up to 1. A batch is that of all processes together.
        seconds: budget in time.
        steps: budget in steps; exactly one of the two must be given.
        clock: what ``seconds`` counts: "wall", or "cpu", the time that this process has computed, on all its threads,
            so that runs on a machine that does other things too have the same budget. Waiting for a GPU may not count.
        schedule: how the rate falls over the budget: "cosine" to 1 %, or "step", as in the paper, to a tenth
            after 120/140 of it.
        optimizer: "adam", as in the paper, or "muon" for the matrices (see :mod:`.optimizer`).
        decay: weight decay of the matrices that muon learns (Loshchilov and Hutter's, apart from the gradient).
        learning_rate, warmup: the optimizer's rate and the steps of its linear rise.
        clip: largest norm of the gradient.
        minimum_area: A_min of the loss (Eq. 8), in pixels of a 256 px picture.
        kind_weights: how much a composite of each kind (plain, paste, inpaint, graded) counts in the loss. Inpainting
            leaves a quarter of the others' error, so it teaches a quarter as much where all count alike.
        again: every so many composites of a batch, one is what the averaged weights make of it, in place of itself; 0
            for none. So the network learns to leave its own answer, or to go on in the same direction.
        average: decay of the exponential moving average of the weights, reached gradually.
        validate: folder with one folder of pairs for each kind, or iHarmony4 for its test lists; None for no
            validation.
        validate_every, checkpoint_every: seconds.
        validate_pairs: at most this many pairs a folder.
        start: weights to start from; those of a narrower network are widened (:mod:`.widen`). This keeps their
            answers if ``model`` has the temperature of the widened network.
        eye: file that a network with an eye takes it from: what scripts/convert_eye.py wrote, or weights with an eye.
        eye_rate: the eye's deeper part (at 1/16 and 1/32) learns too, at this share of the rate. It is frozen where 0.
        told_rate: what tells the overall branch of the rim (:mod:`...network.told`) learns at this many times the rate:
            in a network that is trained already it is new and has far to go. Only for a model that is ``told``.
        shared_statistics: of several processes, batch norms see the batches of all, as one process would. Without,
            two processes on a CPU are a fifth faster.
        frozen_norms: batch norms keep the statistics that the start brought, for a network that goes on in batches
            much smaller than those it learned in. Not compared with one that counts on.
        echo: show each composite twice (:mod:`..data.echo`); where making them is slow, more is learned in a time.
        ahead: batches made at once (:mod:`..data.ahead`); a GPU makes eight in little more time than one.
        graph: on an NVIDIA GPU, record a step once and replay it (:mod:`.graphed`); several processes do not.
        seed: of the random numbers.
        threads: of the CPU (None = torch's own choice).
        bf16: autocast to bfloat16.
        compile: run the network through torch.compile.
        shards: also write the averaged weights in parts of this many MiB, 0.01 or more, see
            :mod:`regharm_core.store.shards`.
        keep_gib: memory for decoded pictures of iHarmony4, in GiB for each process.
    """

    data: tuple[str, ...]
    out: str
    model: HarmonizerConfig = field(default_factory=HarmonizerConfig)
    composites: CompositeConfig = field(default_factory=CompositeConfig)
    phases: tuple[Phase, ...] = (Phase(256, 4, 1.0),)
    seconds: float | None = None
    steps: int | None = None
    clock: Literal["wall", "cpu"] = "wall"
    schedule: Literal["cosine", "step"] = "cosine"
    optimizer: Literal["adam", "muon"] = "adam"
    learning_rate: float = 1e-3
    warmup: int = 200
    decay: float = 0.0
    clip: float = 1.0
    minimum_area: float = A_MIN
    kind_weights: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    again: int = 0
    average: float = 0.999
    validate: str | None = None
    validate_every: float = 600.0
    validate_pairs: int = 32
    checkpoint_every: float = 60.0
    start: str | None = None
    eye: str | None = None
    eye_rate: float = 0.0
    told_rate: float = 1.0
    shared_statistics: bool = True
    frozen_norms: bool = False
    echo: bool = False
    ahead: int = 1
    graph: bool = False
    seed: int = 0
    threads: int | None = None
    bf16: bool = False
    compile: bool = False
    shards: float | None = None
    keep_gib: float = 8.0

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.steps is None):
            raise ConfigError(f"give either seconds or steps, got {self.seconds!r} and {self.steps!r}")
        self._check_types()
        if self.frozen_norms and self.start is None:
            raise ConfigError("frozen_norms needs a start: new batch norms have no statistics to keep")
        if self.eye_rate and not self.model.eye:
            raise ConfigError(f"eye_rate must be 0 for a network without an eye, got {self.eye_rate!r}")
        if not self.data:
            raise ConfigError("data names no photographs")
        if self.schedule not in ("cosine", "step"):
            raise ConfigError(f"schedule must be 'cosine' or 'step', got {self.schedule!r}")
        if self.clock not in ("wall", "cpu"):
            raise ConfigError(f"clock must be 'wall' or 'cpu', got {self.clock!r}")
        if self.optimizer not in ("adam", "muon"):
            raise ConfigError(f"optimizer must be 'adam' or 'muon', got {self.optimizer!r}")
        counts: tuple[Any, ...] = self.kind_weights
        if len(counts) != 4 or not all(isinstance(n, int | float) and 0 <= n < 1e6 for n in counts) or not any(counts):
            raise ConfigError(f"kind_weights must be four numbers of 0 or more, not all 0, got {counts!r}")
        if not self.phases:
            raise ConfigError("phases is empty")
        for phase in self.phases:
            check_number("the share of a phase", phase.share, 0, above=True)
            whole = type(phase.size) is int and type(phase.batch) is int
            if not whole or phase.size not in range(64, 1025, 32) or phase.batch < 1:
                raise ConfigError(f"a phase needs a size of 64..1024 in steps of 32 and a batch, got {phase}")

    def _check_types(self) -> None:
        if self.seconds is not None:
            check_number("seconds", self.seconds, 0, above=True)
        if self.steps is not None:
            check_whole("steps", self.steps, 1)
        for name in ("learning_rate", "minimum_area", "told_rate"):
            check_number(name, getattr(self, name), 0, above=True)
        check_number("clip", self.clip, 0, above=True, endless=True)
        for name in ("decay", "keep_gib"):
            check_number(name, getattr(self, name), 0)
        for name in ("validate_every", "checkpoint_every"):  # for ever: only at the end
            check_number(name, getattr(self, name), 0, endless=True)
        check_number("average", self.average, 0, 1)
        check_number("eye_rate", self.eye_rate, 0, 1)
        if self.shards is not None:
            check_number("shards", self.shards, 0.01)
        for name, least in (("warmup", 0), ("again", 0), ("ahead", 1), ("validate_pairs", 1)):
            check_whole(name, getattr(self, name), least)
        check_whole("seed", self.seed, 0, LARGEST_SEED)
        if self.threads is not None:
            check_whole("threads", self.threads, 1, MOST_THREADS)
        for name in ("shared_statistics", "frozen_norms", "echo", "graph", "bf16", "compile"):
            check_flag(name, getattr(self, name))
        for name in ("validate", "start", "eye"):
            check_path(name, getattr(self, name))

    def phase_at(self, progress: float) -> Phase:
        """The phase that a share ``progress`` in [0, 1] of the budget falls into."""
        total = sum(p.share for p in self.phases)
        reached = 0.0
        for phase in self.phases:
            reached += phase.share / total
            if progress < reached:
                return phase
        return self.phases[-1]


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; relative paths in it are taken from the current folder.

    Raises:
        ConfigError: when the file is missing, is not JSON, or a field is unknown or out of range.
    """
    try:
        values = json.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"cannot read the recipe {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, or a number with thousands of digits
        raise ConfigError(f"the recipe {path} is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"the recipe {path} must be a JSON object")
    for name, kind in (("data", list), ("phases", list), ("model", dict), ("composites", dict)):
        if name in values and not isinstance(values[name], kind):
            wanted = "a list" if kind is list else "an object"
            raise ConfigError(f"{name} of the recipe {path} must be {wanted}, got {values[name]!r}")
    if not all(isinstance(p, str) for p in values.get("data", ())):
        raise ConfigError(f"data of the recipe {path} must be a list of paths, got {values['data']!r}")
    if not isinstance(values.get("out", ""), str):
        raise ConfigError(f"out of the recipe {path} must be a folder's path, got {values['out']!r}")
    try:
        values["data"] = tuple(values.get("data", ()))
        values["model"] = HarmonizerConfig.from_dict(values.get("model", {}))
        values["composites"] = _composites(values.get("composites", {}))
        if isinstance(values.get("kind_weights"), list):
            values["kind_weights"] = tuple(values["kind_weights"])
        if "phases" in values:
            values["phases"] = tuple(Phase(**p) for p in values["phases"])
        return Recipe(**values)
    except TypeError as error:
        raise ConfigError(f"the recipe {path} does not fit: {error}") from None


def _composites(values: dict[str, Any]) -> CompositeConfig:
    if unknown := sorted(set(values) - {f.name for f in fields(CompositeConfig)}):
        raise ConfigError(f"unknown fields of composites {unknown}")
    fitted: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return CompositeConfig(**fitted)
