"""What a recipe says: schedules, phases, JSON files, and those that do not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from regharm_core import ConfigError, HarmonizerConfig
from regharm_core.training.run.recipe import Phase, read_recipe
from regharm_core.training.run.schedule import rate
from tests.training.run.tiny import recipe


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
        ({"ahead": 0}, "ahead"),
        ({"ahead": 1.5}, "1.5"),
        ({"decay": -0.1}, "-0.1"),
        ({"clock": "sun"}, "sun"),
        ({"shards": -1}, "-1"),
        ({"composites": {"moves": ["rainbow"]}}, "rainbow"),
        ({"seconds": None}, "None and None"),
        ({"steps": 3}, "9 and 3"),
        ({"seconds": -1}, "-1"),
        ({"data": []}, "no photographs"),
        ({"data": "a.tar"}, "must be a list, got 'a.tar'"),
        ({"data": [5]}, "list of paths"),
        ({"model": []}, "model of the recipe"),
        ({"composites": [1]}, "composites of the recipe"),
        ({"phases": {"size": 64}}, "phases of the recipe"),
        ({"phases": [{"size": "64", "batch": 1, "share": 1}]}, "'64'"),
        ({"phases": [{"size": 64.0, "batch": 1, "share": 1}]}, "64.0"),
        ({"phases": [64]}, "does not fit"),
        ({"schedule": "linear"}, "linear"),
        ({"optimizer": "sgd"}, "sgd"),
        ({"kind_weights": [1, 1, 3]}, r"\(1, 1, 3\)"),
        ({"kind_weights": [0, 0, 0, 0]}, "not all 0"),
        ({"kind_weights": [1, 1, -1, 1]}, "-1"),
        ({"kind_weights": "1113"}, "1113"),
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
