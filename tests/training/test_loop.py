"""The training loop: it learns, resumes bit for bit, and loses nothing when it is killed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from regharm_core import CheckpointError, ConfigError, HarmonizerConfig, read_info
from regharm_core.checkpoint import load_network
from regharm_core.training import loop
from regharm_core.training.data import open_source
from regharm_core.training.distributed import alone
from regharm_core.training.losses import foreground_mse
from regharm_core.training.recipe import Phase, Recipe, read_recipe
from regharm_core.training.schedule import rate

MODEL = HarmonizerConfig(width=2, gated=False, refine=(0, 0, 0, 0), view=64)
CPU = torch.device("cpu")


def recipe(photographs: Path, out: Path, **options: Any) -> Recipe:
    values: dict[str, Any] = {"steps": 6, "phases": (Phase(64, 2, 1.0),), "warmup": 2, "average": 0.5}
    return Recipe(data=(str(photographs),), out=str(out), model=MODEL, **(values | options))


def started(wanted: Recipe) -> loop._Run:
    return loop._Run(wanted, alone(CPU), open_source(wanted, CPU))


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_network(path)[0].state_dict()


def test_a_stopped_run_goes_on_bit_for_bit(photographs: Path, tmp_path: Path, monkeypatch) -> None:
    whole = weights(loop.train(recipe(photographs, tmp_path / "whole"), CPU))

    class Killed(BaseException):
        pass

    advance = loop._Run._advance

    def killed(self: Any) -> torch.Tensor:
        if self.step == 3:
            self.save()
            raise Killed
        return advance(self)

    monkeypatch.setattr(loop._Run, "_advance", killed)
    with pytest.raises(Killed):
        loop.train(recipe(photographs, tmp_path / "parts"), CPU)
    monkeypatch.setattr(loop._Run, "_advance", advance)
    resumed = weights(loop.train(recipe(photographs, tmp_path / "parts"), CPU))
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())


def test_a_finished_run_is_left_as_it_is(photographs: Path, tmp_path: Path) -> None:
    made = loop.train(recipe(photographs, tmp_path / "run"), CPU)
    before = weights(made)
    after = weights(loop.train(recipe(photographs, tmp_path / "run"), CPU))
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_facts_and_log(photographs: Path, tmp_path: Path) -> None:
    made = loop.train(recipe(photographs, tmp_path / "run"), CPU)
    info = read_info(made)
    assert info.config == MODEL and info.facts["steps"] == 6 and info.facts["images"] == 12
    assert info.facts["photographs"] == 6
    with (tmp_path / "run" / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows and float(rows[-1]["loss"]) > 0 and rows[-1]["step"] == "6"


def test_it_learns(photographs: Path, tmp_path: Path, monkeypatch) -> None:
    """Forty steps on the same eight composites: half of what doing nothing leaves is gone."""
    run = started(recipe(photographs, tmp_path / "run", steps=40, learning_rate=5e-3))
    fixed = run.source.batch(8, 64, torch.Generator().manual_seed(1))
    monkeypatch.setattr(run.source, "batch", lambda *_: fixed)
    losses = [run._advance() for _ in range(40)]
    assert losses[-1] < 0.5 * foreground_mse(fixed.composite, fixed.target, fixed.mask)


def test_weights_to_start_from(photographs: Path, tmp_path: Path) -> None:
    made = loop.train(recipe(photographs, tmp_path / "first"), CPU)
    run = started(recipe(photographs, tmp_path / "second", start=str(made)))
    assert all(torch.equal(run.net.state_dict()[name], value) for name, value in weights(made).items())


def test_a_broken_state_is_named(photographs: Path, tmp_path: Path) -> None:
    loop.train(recipe(photographs, tmp_path / "run"), CPU)
    state = tmp_path / "run" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="state"):
        loop.train(recipe(photographs, tmp_path / "run", steps=8), CPU)


def test_schedules(photographs: Path, tmp_path: Path) -> None:
    cosine = recipe(photographs, tmp_path, warmup=10)
    assert rate(cosine, 0.0, 0) == pytest.approx(0.1)  # the first of ten steps of the rise
    assert rate(cosine, 0.0, 99) == pytest.approx(1.0)
    assert rate(cosine, 0.5, 99) == pytest.approx(0.505)
    assert rate(cosine, 1.0, 99) == pytest.approx(0.01)
    paper = recipe(photographs, tmp_path, warmup=10, schedule="step")
    assert rate(paper, 0.85, 99) == 1.0 and rate(paper, 0.86, 99) == pytest.approx(0.1)


def test_phases_share_the_budget(photographs: Path, tmp_path: Path) -> None:
    first, second = Phase(64, 2, 3.0), Phase(128, 1, 1.0)
    run = recipe(photographs, tmp_path, phases=(first, second))
    assert [run.phase_at(p) for p in (0.0, 0.74, 0.76, 1.0)] == [first, first, second, second]


def test_a_recipe_from_json(photographs: Path, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    values = {"data": ["a.tar"], "out": "run", "seconds": 9, "model": {"width": 4}, "composites": {"making": [1, 2]}}
    path.write_text(json.dumps(values | {"phases": [{"size": 128, "batch": 3, "share": 1}]}))
    read = read_recipe(path)
    assert read.model == HarmonizerConfig(width=4) and read.composites.making == (1, 2)
    assert read.phases == (Phase(128, 3, 1),)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"minimum_area": 0}, "minimum_area"),
        ({"shards": -1}, "-1"),
        ({"composites": {"moves": ["rainbow"]}}, "rainbow"),
        ({"seconds": None}, "None and None"),
        ({"steps": 3}, "9 and 3"),
        ({"seconds": -1}, "-1"),
        ({"data": []}, "no photographs"),
        ({"schedule": "linear"}, "linear"),
        ({"phases": []}, "empty"),
        ({"phases": [{"size": 100, "batch": 1, "share": 1}]}, "100"),
        ({"model": {"width": 0}}, "0"),
        ({"colour": 1}, "colour"),
        ({"composites": {"colour": 1}}, "colour"),
    ],
)
def test_recipes_that_do_not_fit(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"data": ["a.tar"], "out": "run", "seconds": 9} | change))
    with pytest.raises(ConfigError, match=said):
        read_recipe(path)
