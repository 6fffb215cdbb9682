"""The network with one part taken away: each row is what its name says, and the whole command runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from regharm_core import ConfigError, HarmonizerConfig
from regharm_core.training.data.composite_config import CompositeConfig
from regharm_core.training.data.composites import CompositeMaker
from regharm_core.training.run.recipe import Phase, Recipe
from scripts.ablate import ROWS, in_words, main, row_recipe, rows_of
from tests.training.conftest import photographs as photographs  # noqa: PLC0414 (the fixture)
from tests.training.tables.test_tables import pairs as pairs  # noqa: PLC0414 (the fixture)

MODEL = HarmonizerConfig(
    layout="maps",
    stages=(8, 8, 8, 8),
    eye=True,
    eye_view=64,
    blocks=1,
    overall=16,
    matching="content",
    doubt=True,
    ptl_stride=16,
    view=64,
)
BASE = Recipe(
    data=("photographs",),
    out="out",
    model=MODEL,
    composites=CompositeConfig(graded=0.3, full=0.5, alike=0.5),
    steps=2,
    phases=(Phase(64, 4, 1.0),),
    start="weights",
)


def test_every_row_takes_one_thing_away(tmp_path: Path) -> None:
    whole = row_recipe(BASE, "all", 3, tmp_path)
    assert whole.seed == 3 and whole.start is None and whole.model == MODEL and whole.composites == BASE.composites
    seen = [row_recipe(BASE, row, 3, tmp_path) for row in ROWS]
    assert len({recipe.out for recipe in seen}) == len(ROWS)
    assert sum((r.model, r.composites) == (whole.model, whole.composites) for r in seen) == 2  # all; fewer photographs
    assert row_recipe(BASE, "no eye", 0, tmp_path).eye is None and whole.eye is not None


def test_rows_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no hat"):
        row_recipe(BASE, "no hat", 0, tmp_path)
    without = replace(BASE, model=replace(MODEL, translation="none"))
    with pytest.raises(ConfigError, match="changes nothing"):
        row_recipe(without, "no PTL", 0, tmp_path)
    assert rows_of(BASE) == list(ROWS) and rows_of(without) == [row for row in ROWS if row != "no PTL"]


def test_the_table_gives_means_over_seeds() -> None:
    results = [
        {"row": row, "seed": seed, "left": {"paste": left, "plain": left + 2}, "images": 1000 + seed}
        for row, seed, left in (("all", 0, 40.0), ("no eye", 0, 50.0), ("all", 1, 44.0))
    ]
    lines = in_words(results).splitlines()
    assert lines[2] == "| all | 42.0 % | 44.0 % | 43.0 % | 41.0, 45.0 | 1,000 |"
    assert lines[3] == "| no eye | 50.0 % | 52.0 % | 51.0 % | 51.0 | 1,000 |"


def written(photographs: Path, folder: Path) -> Path:
    """A recipe file."""
    path, said = folder / "recipe.json", {"data": [str(photographs)], "out": "none", "steps": 9}
    path.write_text(json.dumps(said | {"model": MODEL.to_dict(), "composites": {"alike": 1}}))
    return path


def test_the_command(photographs: Path, pairs: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    """Two rows from nothing; the same words again train nothing anew."""
    recipe = written(photographs, tmp_path)
    change = {"steps": 1, "phases": [{"size": 64, "batch": 2, "share": 1}]}
    words = [str(recipe), str(tmp_path / "out"), "--pairs", str(pairs), "--seeds", "0", "--change", json.dumps(change)]
    words += ["--rows", "all", "an eighth of the photographs"]
    assert main(words) == 0
    table = capsys.readouterr().out
    results = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert [result["photographs"] for result in results] == [6, 1] and all(result["images"] == 2 for result in results)
    monkeypatch.setattr(CompositeMaker, "batch", lambda *_: pytest.fail("trained again"))
    assert main(words) == 0 and capsys.readouterr().out == table


def test_an_unknown_row_in_words(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = written(photographs, tmp_path)
    assert main([str(recipe), str(tmp_path / "out"), "--pairs", str(tmp_path), "--rows", "no hat"]) == 1
    assert "no hat" in capsys.readouterr().err


def test_pairs_that_are_not_there_are_named_before_training(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, out = written(photographs, tmp_path), tmp_path / "out"
    assert main([str(recipe), str(out), "--pairs", str(tmp_path / "typo"), "--rows", "all"]) == 1
    assert "typo" in capsys.readouterr().err and not list(out.glob("all*"))
    assert main([str(recipe), str(out), "--pairs", str(tmp_path), "--change", "5"]) == 1
    assert "--change takes a JSON object, got 5" in capsys.readouterr().err


def test_the_recipe_itself_is_not_overwritten(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = written(photographs, tmp_path)
    place = recipe.rename(tmp_path / "recipe.json")
    before = place.read_bytes()
    assert main([str(place), str(tmp_path), "--pairs", str(tmp_path), "--change", '{"steps": 7}']) == 1
    assert "would overwrite the recipe" in capsys.readouterr().err and place.read_bytes() == before
    place.write_text("[1]")
    assert main([str(place), str(tmp_path / "out"), "--pairs", str(tmp_path)]) == 1
    assert "must be a JSON object" in capsys.readouterr().err
