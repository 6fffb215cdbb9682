"""iHarmony4 in its published layout: what is read, what is drawn, what is missing, and a run on it."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from regharm_core import HarmonizerConfig, InputError, read_info
from regharm_core.cli import main
from regharm_core.training.data.iharmony4 import SUBSETS, is_iharmony4, list_iharmony4
from regharm_core.training.data.readymade import ReadyMade
from regharm_core.training.data.windows import Windows
from regharm_core.training.run.loop import train
from regharm_core.training.run.recipe import Phase, Recipe
from regharm_core.training.run.sources import open_source

CPU = torch.device("cpu")


def recipe(root: Path, **options: Any) -> Recipe:
    model = HarmonizerConfig(width=2, gated=False, refine=(0, 0, 0, 0), view=64)
    values: dict[str, Any] = {"steps": 3, "phases": (Phase(64, 4, 1.0),), "warmup": 1}
    values |= {"data": (str(root),), "out": str(root.parent / "out"), "model": model}
    return Recipe(**(values | options))


def source(root: Path, **options: Any) -> ReadyMade:
    return ReadyMade(list_iharmony4(root, "train"), CPU, **options)


def test_the_lists_of_both_splits(iharmony4: Path) -> None:
    trained, tested = list_iharmony4(iharmony4, "train"), list_iharmony4(iharmony4, "test")
    assert len(trained) == len(tested) == 4 * len(SUBSETS)
    assert not {name for name, *_ in trained} & {name for name, *_ in tested}
    name, composite, mask, real = trained[-1]
    assert name == "Hday2night/d90-1_2_2" and composite.name == "d90-1_2_2.jpg"
    assert (mask.name, real.name) == ("d90-1_2.png", "d90-1.jpg")
    assert [n for n, *_ in list_iharmony4(iharmony4 / "HFlickr", "test")] == [n for n, *_ in tested[8:12]]


def test_lists_that_give_whole_paths(iharmony4: Path) -> None:
    listed = iharmony4 / "HCOCO" / "HCOCO_train.txt"
    before = list_iharmony4(iharmony4, "train")
    listed.write_text("\r\n".join(f"HCOCO/composite_images/{line}" for line in listed.read_text().split()) + "\r\n")
    assert list_iharmony4(iharmony4, "train") == before


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_folders_that_are_links(iharmony4: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (iharmony4 / "HCOCO").rename(iharmony4 / "elsewhere")
    (iharmony4 / "HCOCO").symlink_to(iharmony4 / "elsewhere")
    (iharmony4 / "flickr").symlink_to(iharmony4 / "HFlickr")
    assert len(list_iharmony4(iharmony4, "train")) == 16
    assert len(list_iharmony4(iharmony4 / "HCOCO", "train")) == len(list_iharmony4(iharmony4 / "flickr", "test")) == 4
    monkeypatch.chdir(iharmony4 / "HFlickr")
    assert len(list_iharmony4(Path("."), "train")) == 4


def test_what_is_drawn_is_what_the_files_hold(iharmony4: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the whole picture as window, each example is one member's composite, mask and truth."""
    whole = Windows(torch.zeros(8, 2), torch.ones(8, 2), torch.ones(8, 1))
    monkeypatch.setattr("regharm_core.training.data.readymade.draw_windows", lambda *_: whole)
    made = source(iharmony4).batch(8, 64, torch.Generator().manual_seed(0))
    assert made.composite.shape == made.target.shape == (8, 3, 64, 64) and made.mask.shape == (8, 1, 64, 64)
    known: list[torch.Tensor] = []
    for _, *paths in list_iharmony4(iharmony4, "train"):
        layers = [np.atleast_3d(Image.open(p).resize((64, 64), Image.Resampling.BILINEAR)) for p in paths]
        known.append(torch.from_numpy(np.concatenate(layers, axis=2)).permute(2, 0, 1) / 255)
    for composite, mask, target in zip(made.composite, made.mask, made.target, strict=True):
        mine = torch.cat([composite, mask, target])
        assert min(float((mine - other).abs().mean()) for other in known) < 0.01
        outside = (mask < 0.01).expand_as(composite)
        assert float((composite - target)[outside].abs().mean()) < 0.01  # JPEG, twice
        assert float((composite - target)[~outside].abs().mean()) > 0.02


def test_the_same_batches_from_a_saved_generator(iharmony4: Path) -> None:
    """What was read ahead, or kept, has no say in what comes."""
    random = torch.Generator().manual_seed(5)
    long = source(iharmony4)
    long.batch(6, 64, random)
    state = random.get_state()
    wanted = [long.batch(6, 64, random).composite for _ in range(2)]
    for other in (source(iharmony4), source(iharmony4, keep=0)):
        random.set_state(state)
        assert all(torch.equal(other.batch(6, 64, random).composite, one) for one in wanted)


def test_the_batch_that_comes_next_is_read_ahead(iharmony4: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = source(iharmony4, keep=0)
    random = torch.Generator().manual_seed(1)
    data.batch(5, 64, random)
    reading, ready = data._reading, []
    monkeypatch.setattr(data, "_reading", lambda number: ready.append(number in data._ahead) or reading(number))
    data.batch(5, 64, random)
    assert ready[:5] == [True] * 5 and len(ready) == 10  # the other five are read for the third


def test_the_same_recipe_trains_and_resumes_on_it(iharmony4: Path) -> None:
    made = train(recipe(iharmony4, validate=str(iharmony4), validate_pairs=2), CPU)
    facts = read_info(made).facts
    assert facts["photographs"] == 16 and facts["images"] == 12
    assert set(facts["val_fmse_percent_at_256"]) == set(SUBSETS)
    with (made.parent / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(float(rows[-1][f"val_{name}"]) > 0 for name in SUBSETS)
    assert (made.parent / "sheet.png").is_file()
    assert read_info(train(recipe(iharmony4, steps=5), CPU)).facts["images"] == 20


def test_evaluate_measures_the_test_list(iharmony4: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = train(recipe(iharmony4, steps=1), CPU)
    assert main(["evaluate", str(iharmony4 / "HAdobe5k"), "--weights", str(made), "--device", "cpu"]) == 0
    assert "4 images" in capsys.readouterr().out


def test_a_part_of_it_or_none(iharmony4: Path, tmp_path: Path) -> None:
    assert is_iharmony4(iharmony4) and is_iharmony4(iharmony4 / "HFlickr") and not is_iharmony4(tmp_path / "out")
    assert len(open_source(recipe(iharmony4 / "HFlickr"), CPU)) == 4
    with pytest.raises(InputError, match="mixes iHarmony4"):
        open_source(recipe(iharmony4, data=(str(iharmony4), str(tmp_path / "a.tar"))), CPU)
    with pytest.raises(InputError, match="no test images"):
        (iharmony4 / "HCOCO" / "HCOCO_test.txt").write_text("\n")
        list_iharmony4(iharmony4 / "HCOCO", "test")


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("HFlickr/HFlickr_train.txt", r"HFlickr_train\.txt"),
        ("HAdobe5k/masks/a0001_2.png", r"2 pictures that are not there, e\.g\. .*a0001_2\.png"),
        ("HCOCO/real_images/c1001.jpg", r"4 pictures .*c1001\.jpg"),
        ("Hday2night/composite_images/d90-1_1_1.jpg", r"1 pictures .*d90-1_1_1\.jpg"),
        ("HFlickr/masks", "masks"),
    ],
)
def test_what_is_missing_is_named_before_anything_is_trained(iharmony4: Path, gone: str, said: str) -> None:
    (iharmony4 / gone).rename(iharmony4 / "gone")
    with pytest.raises(InputError, match=said):
        open_source(recipe(iharmony4), CPU)


@pytest.mark.parametrize("line", ["picture.jpg", "a_1.jpg", "__.jpg", "../../etc/passwd"])
def test_lines_that_name_no_composite(iharmony4: Path, line: str) -> None:
    (iharmony4 / "HCOCO" / "HCOCO_train.txt").write_text(line + "\n")
    with pytest.raises(InputError, match="IMAGE_MASK_NUMBER"):
        list_iharmony4(iharmony4, "train")


def test_pictures_that_cannot_be_used(iharmony4: Path) -> None:
    broken = iharmony4 / "HCOCO" / "composite_images" / "c1001_1_1.jpg"
    data, other = broken.read_bytes(), broken.with_name("c1001_2_2.jpg")
    for content, said in ((b"", "c1001_1_1"), (data[:200], "c1001_1_1"), (data, "differ in shape")):
        broken.write_bytes(content)
        if content is data:
            Image.new("RGB", (80, 30)).save(other)
        with pytest.raises(InputError, match=said):
            source(iharmony4 / "HCOCO").batch(16, 64, torch.Generator().manual_seed(0))
