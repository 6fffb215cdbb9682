"""The training loop: composites in, weights out; a stopped run goes on from its last checkpoint."""

from __future__ import annotations

import copy
import csv
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import ConfigError
from ...network.build import build_network
from ...network.face import Harmonizer, HarmonizerOutput
from ...network.mapnet import MapNet
from ...network.profiles import Rim
from ...network.unet import HarmonizerNet
from ...store.checkpoint import load_network, save_checkpoint
from ...store.shards import SUFFIX, split_file
from ..data.source import Batch, Source
from ..measuring.validation import list_kinds, validate
from .curve import draw_curve, mend_rows
from .distributed import World, alone
from .eyes import open_eye
from .graphed import Graphed
from .lock import only_process
from .losses import doubt_loss, foreground_mse
from .optimizer import Muon
from .recipe import Recipe
from .schedule import rate
from .sources import open_source
from .state import load_state, save_state
from .widen import widen

LOG_EVERY = 20.0  # seconds
JUDGED = 0.01  # share of the doubt's loss: Adam makes up for it, and clipping looks at the answer's gradient alone
RANKS_APART = 1 << 24  # between the seeds of processes: more than a run has steps; a CPU uses 32 bits of a seed


def train(recipe: Recipe, device: torch.device, *, world: World | None = None, source: Source | None = None) -> Path:
    """Run a recipe to the end of its budget, resuming from ``out/state.safetensors`` where there is one.

    Args:
        recipe: what is trained, on what, for how long.
        device: where; ``world.device`` when there are several processes.
        world: this process's place among several, from :func:`.distributed.joined`; alone where None.
        source: where batches come from; opened from ``recipe.data`` where None.

    Returns:
        The weights of the moving average, ``out/weights.safetensors``.

    Raises:
        ConfigError: when a phase's batch cannot be shared out equally among the processes, or the weights to
            start from are of another network.
        CheckpointError: when the weights to start from, or the state to go on from, cannot be used, or training
            led to numbers that are not finite (the last good state stays).
        InputError: when the data or the pairs for validation cannot be read, or another run trains into the
            same folder.
    """
    world = world or alone(device)
    if recipe.threads is not None:
        torch.set_num_threads(recipe.threads)
    out = Path(recipe.out)
    out.mkdir(parents=True, exist_ok=True)
    with only_process(out) if world.rank == 0 else nullcontext():
        run = _Run(recipe, world, source or open_source(recipe, world.device))
        run.resume()
        run.go()
    return out / "weights.safetensors"


class _Run:
    def __init__(self, recipe: Recipe, world: World, source: Source) -> None:
        self.recipe, self.world, self.source = recipe, world, source
        if any(phase.batch % world.size for phase in recipe.phases):
            raise ConfigError(f"{world.size} processes cannot share batches of {[p.batch for p in recipe.phases]}")
        self.out = Path(recipe.out)
        if recipe.start is not None and Path(recipe.start).resolve() == (self.out / "weights.safetensors").resolve():
            raise ConfigError(f"the run would overwrite {recipe.start}, which it starts from; name another out")
        torch.manual_seed(recipe.seed)
        net = build_network(recipe.model)
        if recipe.eye is not None:
            open_eye(net, Path(recipe.eye))
        self.before = {} if recipe.start is None else _start(net, Path(recipe.start))
        self.kinds = [] if recipe.validate is None else [k.name for k in list_kinds(Path(recipe.validate))]
        deeper = _open(net) if recipe.eye_rate else []
        self.net = net.to(world.device).to(memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
        if recipe.frozen_norms:
            _freeze_norms(self.net)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        frozen = {name for name, parameter in self.net.named_parameters() if not parameter.requires_grad}
        both = zip(self.average.state_dict().items(), self.net.state_dict().values(), strict=True)
        pairs = [(a, b) for (k, a), b in both if a.dtype.is_floating_point and k not in frozen]
        self.averaged = [a for a, _ in pairs], [b for _, b in pairs]
        model = world.wrap(self.net, statistics=recipe.shared_statistics)
        self.model = torch.compile(model) if recipe.compile else model
        self.learned = [p for p in self.net.parameters() if p.requires_grad]
        optimizer = partial(Muon, decay=recipe.decay) if recipe.optimizer == "muon" else torch.optim.Adam
        self.recorded = recipe.graph and world.device.type == "cuda" and world.size == 1
        start = torch.tensor(recipe.learning_rate, device=world.device) if self.recorded else recipe.learning_rate
        groups = [(deeper, recipe.eye_rate), (_told(net), recipe.told_rate)]  # with rates of their own
        apart = {id(parameter) for parameters, _ in groups for parameter in parameters}
        rest = [p for p in self.learned if id(p) not in apart]
        self.optimizer = optimizer(rest, start, betas=(0.9, 0.999), capturable=self.recorded)
        self.shares = [1.0]  # of the rate, for each group of parameters
        for parameters, share in groups:
            if parameters:
                self.optimizer.add_param_group({"params": parameters, "lr": copy.deepcopy(start)})
                self.shares.append(share)
        self.learn = Graphed(self._learn) if self.recorded else self._learn
        if self.recorded:
            torch.backends.cudnn.benchmark = True  # shapes stay, so looking for the fastest way once pays
        self.kind_weights = torch.tensor(recipe.kind_weights, dtype=torch.float32, device=world.device)
        self.random = torch.Generator(world.device).manual_seed(recipe.seed + RANKS_APART * world.rank)
        self.step, self.images, self.elapsed = 0, 0, 0.0
        self.validated: dict[str, float] = {}
        self.finished = False

    @property
    def progress(self) -> float:
        """The share of the budget that is spent, 0..1."""
        if self.recipe.steps is not None:
            return min(self.step / self.recipe.steps, 1.0)
        return min(self.elapsed / (self.recipe.seconds or 1.0), 1.0)

    def resume(self) -> None:
        path = self.out / "state.safetensors"
        if path.exists():
            states, numbers = load_state(path, self.net, self.average, self.optimizer)
            self.step, self.images, self.elapsed = numbers["step"], numbers["images"], numbers["elapsed"]
            if states.shape == (self.world.size, len(self.random.get_state())):
                self.random.set_state(states[self.world.rank].clone())  # torch reads from the storage's start
            else:  # other processes or another device: new random numbers, none that a process has seen
                self.random.manual_seed(self.recipe.seed + RANKS_APART * self.world.rank + self.step)
            self.finished = bool(numbers.get("finished")) and (self.out / "weights.safetensors").exists()
            self._say(f"resumed at step {self.step}, {self.images} images, {self.elapsed:.0f} s")
        if self.world.rank == 0:
            mend_rows(self.out / "log.csv")

    def go(self) -> None:
        if self.finished and self.progress >= 1.0:
            self._say("it is finished already and is left as it is")
            if self.world.rank == 0:
                self._share_out(again=False)
            return
        recipe = self.recipe
        clock = time.process_time if recipe.clock == "cpu" else time.monotonic
        began, before = clock(), self.elapsed
        logged = saved = looked = self.elapsed
        total, steps, images_at_log = torch.zeros((), device=self.world.device), 0, self.images
        while self.progress < 1.0:
            total, steps = total + self._advance(), steps + 1
            self.elapsed = self.world.first(before + clock() - began)
            if self.elapsed - logged >= LOG_EVERY or self.progress >= 1.0:
                speed = (self.images - images_at_log) / max(self.elapsed - logged, 1e-6)
                self._log(float(self.world.mean(total / steps)), speed)
                total, steps, logged, images_at_log = torch.zeros_like(total), 0, self.elapsed, self.images
            if self.elapsed - looked >= recipe.validate_every:
                self._look()
                looked = self.elapsed
            if self.elapsed - saved >= recipe.checkpoint_every:
                self.save()
                saved = self.elapsed
        self.save()  # first what was learned, whatever becomes of the last look
        self._look()
        self.save(finished=True)

    def _advance(self) -> Tensor:
        """One step; returns this process's loss, a scalar still on the device."""
        recipe, progress = self.recipe, self.progress
        phase = recipe.phase_at(progress)
        for group, share in zip(self.optimizer.param_groups, self.shares, strict=True):
            pace = share * recipe.learning_rate * rate(recipe, progress, self.step)
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(pace)
            else:
                group["lr"] = pace
        loss = self.learn(self.source.batch(phase.batch // self.world.size, phase.size, self.random))
        self.step += 1
        self.images += phase.batch
        decay = min(recipe.average, (1 + self.step) / (10 + self.step))
        kept, now = self.averaged
        with torch.no_grad():
            torch._foreach_lerp_(kept, now, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        return loss

    def _learn(self, batch: Batch) -> Tensor:
        """Learn from a batch; returns the loss. All that is computed stays on the device."""
        recipe, size = self.recipe, batch.mask.shape[-1]
        composite, rim = batch.composite.contiguous(memory_format=torch.channels_last), batch.rim
        with torch.autocast(self.world.device.type, torch.bfloat16, enabled=recipe.bf16):
            if recipe.again:
                composite, rim = self._answered(composite, batch)
            output: HarmonizerOutput = self.model(composite, batch.mask, rim=rim)
        area = recipe.minimum_area * (size / 256) ** 2
        weight = self.kind_weights[batch.kind]
        loss = foreground_mse(output.image.float(), batch.target, batch.mask, area, weight)
        self.optimizer.zero_grad(set_to_none=True)
        judged = doubt_loss(output, batch.target, batch.mask)
        (loss if judged is None else loss + JUDGED * judged).backward()
        nn.utils.clip_grad_norm_(self.learned, recipe.clip)
        self.optimizer.step()
        return loss.detach()

    def _answered(self, composite: Tensor, batch: Batch) -> tuple[Tensor, Rim | None]:
        """The composites, B 3 S S, with every so many replaced by what the averaged weights make of it; their rims.

        The rims of those that were replaced are of before and not to be read.
        """
        rows = slice(self.recipe.again - 1, None, self.recipe.again)
        composite, rim = composite.clone(), batch.rim
        if len(composite) >= self.recipe.again:
            with torch.no_grad():
                some = None if rim is None else Rim(rim.profiles[rows], rim.there[rows])
                answer = self.average(composite[rows], batch.mask[rows], rim=some).image
                composite[rows] = answer.clamp(0, 1).to(composite)
            if rim is not None:
                there = rim.there.clone()
                there[rows] = False
                rim = Rim(rim.profiles, there)
        return composite, rim

    def _look(self) -> None:
        """Validation and curve, on the first process; the others wait for it."""
        if self.world.rank > 0:
            return
        if self.recipe.validate is not None:
            folder = Path(self.recipe.validate)
            self.validated = validate(self.average, folder, self.recipe.validate_pairs, self.out / "sheet.png")
            self._say(f"step {self.step}: fMSE in % of the composite's: {self.validated}")
            self._write_row({f"val_{k}": v for k, v in self.validated.items()})
        if (self.out / "log.csv").exists():
            draw_curve(self.out / "log.csv", self.out / "curve.png")

    def _log(self, loss: float, speed: float) -> None:
        left = (1 - self.progress) * self.elapsed / max(self.progress, 1e-9)
        size = self.recipe.phase_at(self.progress).size
        self._say(f"step {self.step} {size} px loss {loss:.5f}, {speed:.1f} images/s, {left / 60:.0f} min left")
        self._write_row({"loss": round(loss, 6), "rate": round(speed, 2), "size": size})

    def _write_row(self, values: dict[str, Any]) -> None:
        if self.world.rank > 0:
            return
        path = self.out / "log.csv"
        names = ["seconds", "step", "images", "size", "rate", "loss", *(f"val_{kind}" for kind in self.kinds)]
        if not (new := not path.exists() or not path.stat().st_size):  # a resumed run keeps the columns it began with
            with path.open(newline="") as file:
                names = next(csv.reader(file), names)
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            if new:
                writer.writeheader()
            writer.writerow({"seconds": round(self.elapsed, 1), "step": self.step, "images": self.images} | values)

    def save(self, *, finished: bool = False) -> None:
        """Write the averaged weights and the resumable state, from the first process.

        Raises:
            CheckpointError: when training has led to numbers that are not finite; the last good state stays.
        """
        states = self.world.gather(self.random.get_state())
        if self.world.rank > 0:
            return
        facts = {
            "images": self.images + self.before.get("images", 0),  # of this run and of those that it started from
            "steps": self.step + self.before.get("steps", 0),
            "seconds": round(self.elapsed) + self.before.get("seconds", 0),
            "photographs": len(self.source),
            "composites": asdict(self.recipe.composites),
            "val_fmse_percent_at_256": self.validated,
            "licence": "MIT code; trained on research photographs, see MODEL_CARD.md",
        }
        weights = self.out / "weights.safetensors"
        save_checkpoint(self.average, weights, facts=facts)  # first, because it refuses numbers that are not finite
        numbers = {"step": self.step, "images": self.images, "elapsed": self.elapsed, "finished": finished}
        save_state(self.out / "state.safetensors", self.net, self.average, self.optimizer, states, numbers)
        self._share_out()

    def _share_out(self, *, again: bool = True) -> None:
        """Write the averaged weights in parts too, if the recipe says so; ``again``: also where there are some."""
        weights = self.out / "weights.safetensors"
        if self.recipe.shards is not None and (again or not weights.with_name(f"{weights.name}{SUFFIX}").exists()):
            split_file(weights, self.out, int(self.recipe.shards * 2**20))

    def _say(self, text: str) -> None:
        if self.world.rank == 0:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()


def _open(net: Harmonizer) -> list[nn.Parameter]:
    """Let the eye's deeper part learn; returns its parameters."""
    eye = net.eye if isinstance(net, MapNet) else None
    deeper = [] if eye is None else eye.deeper()
    for parameter in deeper:
        parameter.requires_grad_(True)
    return deeper


def _told(net: Harmonizer) -> list[nn.Parameter]:
    """Parameters of what tells the overall branch of the rim."""
    told = net.told if isinstance(net, MapNet) else None
    return [] if told is None else list(told.parameters())


def _freeze_norms(net: nn.Module) -> None:
    """Batch norms use the statistics that they have, and leave them as they are; their scale and shift still learn."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def _start(net: Harmonizer, path: Path) -> dict[str, Any]:
    """Load weights into a new network; those of a narrower network are widened first.

    Returns:
        The facts of the training that they come from.

    Raises:
        ConfigError: when they are of a network with other layers.
    """
    started, info = load_network(path)
    width = net.config.width
    if isinstance(started, HarmonizerNet) and started.config.width < width and width % started.config.width == 0:
        started = widen(started, width // started.config.width)
    state = started.state_dict()
    if isinstance(net, MapNet):  # what begins as the identity may be added to a trained network
        state = {k: v for k, v in net.state_dict().items() if k.startswith(net.neutral)} | state
    try:
        net.load_state_dict(state)
    except RuntimeError:
        raise ConfigError(
            f"the weights {path} to start from are of {info.config.to_json()}, the recipe's model is "
            f"{net.config.to_json()}; only view, temperature and a multiple of the width may differ"
        ) from None
    return info.facts
