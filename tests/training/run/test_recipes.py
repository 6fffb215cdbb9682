"""The recipes that come with the project can be read, and say what docs/training.md says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from regharm_core import HarmonizerConfig
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
