"""The recipes that come with the project can be read, and say what docs/training.md says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from regharm_core import ConfigError, HarmonizerConfig
from regharm_core.training.data.checks import shown
from regharm_core.training.run.recipe import Phase, read_recipe

FOLDER = Path(__file__).resolve().parents[3] / "recipes"
NAMES = sorted(p.name for p in FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_recipes_fit(name: str) -> None:
    recipe = read_recipe(FOLDER / name)
    assert recipe.out.startswith("runs/")
    assert not any(Path(p).is_absolute() for p in (*recipe.data, recipe.validate or ""))


def test_the_papers_settings() -> None:
    recipe = read_recipe(FOLDER / "iharmony4.json")
    assert recipe.model == HarmonizerConfig() and recipe.phases == (Phase(256, 4, 1.0),)
    assert recipe.schedule == "step" and recipe.learning_rate == 1e-3 and not recipe.bf16
    assert recipe.steps == pytest.approx(140 * 65742 / 4, rel=1e-4)  # epochs of the training split


WRONG: dict[str, list[Any]] = {
    "learning_rate": [-1, 0, "a", None, True, 10**400],
    "warmup": ["x", -1, 1.5],
    "average": ["x", 2, -0.1],
    "threads": [0, "x", 1.5, 5000],
    "seed": [1.5, "x", -1, 10**30],
    "start": [5],
    "eye": [5],
    "validate": [5],
    "clip": ["x", -1, 0],
    "validate_pairs": ["x", 0, -1],
    "validate_every": ["x"],
    "checkpoint_every": ["x", -5],
    "bf16": ["x", 1],
    "echo": ["no"],
    "steps": [2.5, 0, "x", float("inf")],
    "ahead": [0],
    "again": [-1],
    "decay": [-1],
    "told_rate": [0],
    "minimum_area": [0],
    "shards": [0],
}
WRONG_COMPOSITES: dict[str, list[Any]] = {
    "plain": ["x", -1, float("nan"), 10**400],
    "crop": ["x", 2],
    "jitter": ["x", -0.1],
    "weight": ["x", [1], [0.5, 2]],
    "context": [[1], [0, 2], "x"],
    "making": [[3, 1]],
    "native": [[0, 1], [2, 1]],
    "close": [2],
    "rough": ["yes"],
    "dealt": [1],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_fields_out_of_range_are_quoted(tmp_path: Path, name: str, value: Any) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"data": ["a.tar"], "out": "runs/x", "steps": 5} | {name: value}))
    with pytest.raises(ConfigError, match=name) as caught:
        read_recipe(path)
    assert shown(value) in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG_COMPOSITES.items() for value in values]
)
def test_composites_out_of_range_are_named(tmp_path: Path, name: str, value: Any) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"data": ["a.tar"], "out": "runs/x", "steps": 5, "composites": {name: value}}))
    with pytest.raises(ConfigError, match=name):
        read_recipe(path)


def test_no_kind_at_all(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    nothing = {"plain": 0, "paste": 0, "inpaint": 0}
    path.write_text(json.dumps({"data": ["a.tar"], "out": "runs/x", "steps": 5, "composites": nothing}))
    with pytest.raises(ConfigError, match="no composites"):
        read_recipe(path)


@pytest.mark.parametrize("share", [0, -1, "x", float("inf"), None])
def test_a_phase_needs_a_share(tmp_path: Path, share: Any) -> None:
    path = tmp_path / "recipe.json"
    phases = [{"size": 64, "batch": 2, "share": share}]
    path.write_text(json.dumps({"data": ["a.tar"], "out": "runs/x", "steps": 5, "phases": phases}))
    with pytest.raises(ConfigError, match="the share of a phase must be"):
        read_recipe(path)


def test_for_ever_is_a_time(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    endless = {"validate_every": float("inf"), "checkpoint_every": float("inf"), "clip": float("inf")}
    path.write_text(json.dumps({"data": ["a.tar"], "out": "runs/x", "steps": 5} | endless))
    assert read_recipe(path).validate_every == float("inf")


def test_what_is_too_much_is_said(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"data": ["a.tar"], "out": "runs/x", "steps": 5, "threads": 5000}))
    with pytest.raises(ConfigError, match="threads must be a whole number of 1 or more and at most 4096, got 5000"):
        read_recipe(path)
