"""The training loop: composites in, weights out, nothing lost but the last minute."""

from __future__ import annotations

import copy
import csv
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..checkpoint import load_network, save_checkpoint
from ..pipeline import harmonize
from ..unet import HarmonizerNet
from .composites import CompositeMaker
from .curve import draw_curve
from .lock import only_process
from .losses import foreground_mse
from .metrics import mean_score, score
from .pairs import read_pairs
from .photographs import load_photographs
from .recipe import Recipe
from .state import load_state, save_state

LOG_EVERY = 20.0  # seconds


def train(recipe: Recipe, device: torch.device) -> Path:
    """Run a recipe to the end of its budget, resuming from ``out/state.safetensors`` where there is one.

    Returns:
        The weights of the moving average, ``out/weights.safetensors``.

    Raises:
        InputError: when another process trains into the same folder.
    """
    if recipe.threads is not None:
        torch.set_num_threads(recipe.threads)
    out = Path(recipe.out)
    out.mkdir(parents=True, exist_ok=True)
    with only_process(out):
        run = _Run(recipe, device)
        run.resume()
        run.go()
    return out / "weights.safetensors"


class _Run:
    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe, self.device = recipe, device
        self.out = Path(recipe.out)
        self.out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(recipe.seed)
        net = HarmonizerNet(recipe.model)
        if recipe.start is not None:
            started, _ = load_network(Path(recipe.start))
            net.load_state_dict(started.state_dict())
        self.net = net.to(device).to(memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.net.parameters(), recipe.learning_rate, betas=(0.9, 0.999))
        self.random = torch.Generator(device).manual_seed(recipe.seed)
        self.step, self.images, self.elapsed = 0, 0, 0.0
        self.validated: dict[str, float] = {}
        photographs = load_photographs([Path(p) for p in recipe.data])
        self.photographs = len(photographs)
        self.maker = CompositeMaker(photographs.to(device), recipe.composites)

    @property
    def progress(self) -> float:
        """The share of the budget that is spent, 0..1."""
        if self.recipe.steps is not None:
            return min(self.step / self.recipe.steps, 1.0)
        return min(self.elapsed / (self.recipe.seconds or 1.0), 1.0)

    def resume(self) -> None:
        path = self.out / "state.safetensors"
        if path.exists():
            state, numbers = load_state(path, self.net, self.average, self.optimizer)
            self.random.set_state(state)
            self.step, self.images, self.elapsed = numbers["step"], numbers["images"], numbers["elapsed"]
            _say(f"resumed at step {self.step}, {self.images} images, {self.elapsed:.0f} s")

    def go(self) -> None:
        recipe = self.recipe
        began, before = time.monotonic(), self.elapsed
        logged = saved = validated = self.elapsed
        losses: list[float] = []
        images_at_log = self.images
        while self.progress < 1.0:
            losses.append(self._advance())
            self.elapsed = before + time.monotonic() - began
            if self.elapsed - logged >= LOG_EVERY or self.progress >= 1.0:
                rate = (self.images - images_at_log) / max(self.elapsed - logged, 1e-6)
                self._log(sum(losses) / len(losses), rate)
                logged, images_at_log, losses = self.elapsed, self.images, []
            if recipe.validate is not None and self.elapsed - validated >= recipe.validate_every:
                self._validate()
                validated = self.elapsed
            if self.elapsed - saved >= recipe.checkpoint_every:
                self.save()
                saved = self.elapsed
        if recipe.validate is not None:
            self._validate()
        self.save()

    def _advance(self) -> float:
        """One step; returns its loss."""
        recipe, progress = self.recipe, self.progress
        phase = recipe.phase_at(progress)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _rate(recipe, progress, self.step)
        batch = self.maker.batch(phase.batch, phase.size, self.random)
        composite = batch.composite.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.bf16):
            output = self.net(composite, batch.mask)
        # A_min is in pixels of a 256 px picture.
        loss = foreground_mse(output.image.float(), batch.target, batch.mask, 100.0 * (phase.size / 256) ** 2)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), recipe.clip)
        self.optimizer.step()
        self.step += 1
        self.images += phase.batch
        decay = min(recipe.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            pairs = zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True)
            for kept, now in pairs:
                if kept.dtype.is_floating_point:
                    kept.lerp_(now, 1 - decay)
        return float(loss.detach())

    def _validate(self) -> None:
        """fMSE of the averaged network on pairs of 256 px, in percent of the composite's, for each folder."""
        for folder in sorted(p for p in Path(self.recipe.validate or "").iterdir() if p.is_dir()):
            results, composites = [], []
            for n, pair in enumerate(read_pairs(folder, size=256)):
                if n >= self.recipe.validate_pairs:
                    break
                answer = harmonize(self.average, pair.composite[None], pair.mask[None])[0]
                results.append(score(answer, pair.real, pair.mask))
                composites.append(score(pair.composite, pair.real, pair.mask))
            share = 100 * mean_score(results).fmse / max(mean_score(composites).fmse, 1e-9)
            self.validated[folder.name] = round(share, 2)
        _say(f"step {self.step}: fMSE in % of the composite's: {self.validated}")
        self._write_row({f"val_{k}": v for k, v in self.validated.items()})
        draw_curve(self.out / "log.csv", self.out / "curve.png")

    def _log(self, loss: float, rate: float) -> None:
        left = (1 - self.progress) * self.elapsed / max(self.progress, 1e-9)
        size = self.recipe.phase_at(self.progress).size
        _say(f"step {self.step} {size} px loss {loss:.5f}, {rate:.1f} images/s, {left / 60:.0f} min left")
        self._write_row({"loss": round(loss, 6), "rate": round(rate, 2), "size": size})

    def _write_row(self, values: dict[str, Any]) -> None:
        names = ["seconds", "step", "images", "size", "rate", "loss", "val_plain", "val_paste", "val_inpaint"]
        path = self.out / "log.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            if new:
                writer.writeheader()
            writer.writerow({"seconds": round(self.elapsed, 1), "step": self.step, "images": self.images} | values)

    def save(self) -> None:
        """Write the resumable state and the averaged weights."""
        numbers = {"step": self.step, "images": self.images, "elapsed": self.elapsed}
        state = self.random.get_state()
        save_state(self.out / "state.safetensors", self.net, self.average, self.optimizer, state, numbers)
        facts = {
            "images": self.images,
            "steps": self.step,
            "seconds": round(self.elapsed),
            "photographs": self.photographs,
            "composites": asdict(self.recipe.composites),
            "val_fmse_percent_at_256": self.validated,
            "licence": "MIT code; trained on research photographs, see MODEL_CARD.md",
        }
        save_checkpoint(self.average, self.out / "weights.safetensors", facts=facts)


def _rate(recipe: Recipe, progress: float, step: int) -> float:
    rise = min((step + 1) / max(recipe.warmup, 1), 1.0)
    if recipe.schedule == "step":
        return rise * (0.1 if progress >= 120 / 140 else 1.0)
    return rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
