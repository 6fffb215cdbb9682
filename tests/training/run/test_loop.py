"""The training loop: it learns, resumes bit for bit, and loses nothing when it is killed."""

from __future__ import annotations

import copy
import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from regharm_core import CheckpointError, ConfigError, HarmonizerConfig, InputError, read_info
from regharm_core.cli import main
from regharm_core.network.profiles import Rim
from regharm_core.store.shards import join_shards
from regharm_core.training.run import loop
from regharm_core.training.run.losses import foreground_mse
from regharm_core.training.run.optimizer import is_matrix
from regharm_core.training.run.sources import open_source
from tests.training.run.tiny import CPU, MODEL, TOLD, recipe, started, weights


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_a_stopped_run_goes_on_bit_for_bit(photographs: Path, tmp_path: Path, monkeypatch, optimizer: str) -> None:
    whole = weights(loop.train(recipe(photographs, tmp_path / "whole", optimizer=optimizer), CPU))

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
        loop.train(recipe(photographs, tmp_path / "parts", optimizer=optimizer), CPU)
    monkeypatch.setattr(loop._Run, "_advance", advance)
    resumed = weights(loop.train(recipe(photographs, tmp_path / "parts", optimizer=optimizer), CPU))
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())


def test_batches_made_ahead_teach_too_and_leave_no_composite_out(photographs: Path, tmp_path: Path) -> None:
    """Three batches at once, six steps: composites are made twice."""
    wanted = recipe(photographs, tmp_path / "ahead", ahead=3)
    source = open_source(wanted, CPU)
    asked: list[int] = []
    make = source.source.batch  # pyright: ignore[reportAttributeAccessIssue]

    def counted(count: int, size: int, generator: torch.Generator) -> Any:
        asked.append(count)
        return make(count, size, generator)

    source.source.batch = counted  # pyright: ignore[reportAttributeAccessIssue]
    loop.train(wanted, CPU, source=source)
    assert asked == [6, 6] and read_info(tmp_path / "ahead" / "weights.safetensors").facts["images"] == 12


@pytest.mark.parametrize(("clock", "steps"), [("wall", 4), ("cpu", 8)])
def test_a_budget_in_time_counts_the_clock_that_is_asked_for(
    photographs: Path, tmp_path: Path, monkeypatch, clock: str, steps: int
) -> None:
    """A step takes a quarter of a second by the clock on the wall, an eighth by what is computed."""
    run = started(recipe(photographs, tmp_path, steps=None, seconds=1.0, clock=clock))
    monkeypatch.setattr(loop.time, "monotonic", lambda: 7 + run.step * 0.25)
    monkeypatch.setattr(loop.time, "process_time", lambda: 3 + run.step * 0.125)
    run.go()
    assert run.step == steps


def test_a_finished_run_is_left_as_it_is(photographs: Path, tmp_path: Path) -> None:
    loop.train(recipe(photographs, tmp_path / "run"), CPU)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    loop.train(recipe(photographs, tmp_path / "run"), CPU)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    assert read_info(loop.train(recipe(photographs, tmp_path / "run", steps=8), CPU)).facts["steps"] == 8


def test_facts_and_log(photographs: Path, tmp_path: Path) -> None:
    made = loop.train(recipe(photographs, tmp_path / "run"), CPU)
    info = read_info(made)
    assert info.config == MODEL and info.facts["steps"] == 6 and info.facts["images"] == 12
    assert info.facts["photographs"] == 6
    with (tmp_path / "run" / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows and float(rows[-1]["loss"]) > 0 and rows[-1]["step"] == "6"


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_it_learns(photographs: Path, tmp_path: Path, monkeypatch, optimizer: str) -> None:
    """Forty steps on the same eight composites: half of what doing nothing leaves is gone."""
    run = started(recipe(photographs, tmp_path / "run", steps=40, learning_rate=5e-3, optimizer=optimizer))
    assert any(is_matrix(p) for p in run.learned)
    fixed = run.source.batch(8, 64, torch.Generator().manual_seed(1))
    monkeypatch.setattr(run.source, "batch", lambda *_: fixed)
    losses = [run._advance() for _ in range(40)]
    assert losses[-1] < 0.5 * foreground_mse(fixed.composite, fixed.target, fixed.mask)


def test_composites_count_as_their_kinds_do(photographs: Path, tmp_path: Path, monkeypatch) -> None:
    losses: list[float] = []
    for number, counts in enumerate([(1.0, 1.0, 1.0, 1.0), (1.0, 0.0, 3.0, 2.0), (1, 0, 0, 0)]):
        run = started(recipe(photographs, tmp_path / str(number), kind_weights=counts))
        fixed = run.source.batch(4, 64, torch.Generator().manual_seed(1))
        fixed = replace(fixed, kind=torch.arange(4))
        monkeypatch.setattr(run.source, "batch", lambda *_, batch=fixed: batch)
        losses.append(float(run._advance()))
        each = [
            foreground_mse(*(part[n : n + 1] for part in (fixed.composite, fixed.target, fixed.mask)), 6.25)
            for n in range(4)
        ]  # an untrained network returns its input
        expected = sum(w * float(e) for w, e in zip(counts, each, strict=True)) / 4
        assert losses[-1] == pytest.approx(expected, rel=1e-4)
    assert len(set(losses)) == 3


def test_some_composites_are_the_networks_own_answers(photographs: Path, tmp_path: Path, monkeypatch) -> None:
    """Every third composite is what the averaged weights make of it; the target stays."""
    run = started(recipe(photographs, tmp_path, again=3))
    with torch.no_grad():  # a new network answers with the composite itself
        for name, parameter in run.average.named_parameters():
            if name.startswith("head"):
                parameter.add_(0.2)
    seen: list[torch.Tensor] = []
    run.model = lambda composite, mask, rim: seen.append(composite) or run.net(composite, mask, rim=rim)
    made = run.source.batch(7, 64, torch.Generator().manual_seed(1))
    monkeypatch.setattr(run.source, "batch", lambda *_: made)
    before, asked = made.composite.clone(), copy.deepcopy(run.average)  # a step moves the average on
    run._advance()
    assert torch.equal(made.composite, before)
    for n, composite in enumerate(seen[0]):
        wanted = before[n]
        if n in (2, 5):
            answer = asked(before[n : n + 1], made.mask[n : n + 1]).image.clamp(0, 1)
            assert float((answer - before[n]).abs().max()) > 0.01
            wanted = answer[0]
        torch.testing.assert_close(composite, wanted, atol=1e-4, rtol=0)


def test_the_rims_of_its_own_answers_are_of_before(photographs: Path, tmp_path: Path) -> None:
    model = HarmonizerConfig(**TOLD)
    run = started(recipe(photographs, tmp_path, again=2, model=model))
    batch = run.source.batch(5, 64, run.random)
    assert batch.rim is not None and bool(batch.rim.there.all())
    composite, rim = run._answered(batch.composite, batch)
    assert rim is not None and rim.there.tolist() == [True, False, True, False, True]
    assert torch.equal(rim.profiles, batch.rim.profiles) and bool(batch.rim.there.all())
    wanted = run.average(batch.composite[1:2], batch.mask[1:2], rim=Rim(batch.rim.profiles[1:2], batch.rim.there[1:2]))
    torch.testing.assert_close(composite[1], wanted.image[0].clamp(0, 1), atol=1e-4, rtol=0)
    assert torch.equal(composite[::2], batch.composite[::2])


def test_a_batch_too_small_for_an_answer_of_its_own_is_left(photographs: Path, tmp_path: Path) -> None:
    run = started(recipe(photographs, tmp_path, again=9))
    batch = run.source.batch(2, 64, run.random)
    assert torch.equal(run._answered(batch.composite, batch)[0], batch.composite)


def test_weights_in_parts_and_validation(photographs: Path, tmp_path: Path) -> None:
    for room, mode in (("real", "RGB"), ("composite", "RGB"), ("mask", "L")):
        (tmp_path / "val" / "night" / room).mkdir(parents=True)
        for name in "abc":
            picture = Image.new(mode, (40, 40), 128 if mode == "L" else (90, 90, 90))
            if mode == "L":
                picture.paste(0, (0, 0, 20, 40))
            picture.save(tmp_path / "val" / "night" / room / f"{name}.png")
    wanted = recipe(photographs, tmp_path / "run", shards=0.05, validate=str(tmp_path / "val"), validate_pairs=2)
    made = loop.train(wanted, CPU)
    join_shards(made.with_name("weights.safetensors.shards.json"), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == made.read_bytes()
    assert max(p.stat().st_size for p in made.parent.glob("weights.safetensors.0*")) <= 0.05 * 2**20
    header = (made.parent / "log.csv").read_text().splitlines()[0]
    assert header == "seconds,step,images,size,rate,loss,val_night"


def test_pairs_that_are_not_there_are_named_at_the_start(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        loop.train(recipe(photographs, tmp_path / "run", validate=str(tmp_path / "nowhere")), CPU)


@pytest.mark.parametrize("content", [b"", b"no tar"])
def test_photographs_that_are_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "photographs.tar"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"photographs\.tar"):
        open_source(recipe(path, tmp_path / "run"), CPU)
    (tmp_path / "a.webp").write_bytes(b"no picture")
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"a\.webp"):
        open_source(recipe(tmp_path, tmp_path / "run"), CPU)


def test_the_command_in_bfloat16(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """python -m regharm_core train, as it is typed."""
    path = tmp_path / "recipe.json"
    values = {"data": [str(photographs)], "out": str(tmp_path / "run"), "steps": 2, "bf16": True}
    path.write_text(json.dumps(values | {"model": MODEL.to_dict(), "phases": [{"size": 64, "batch": 2, "share": 1}]}))
    assert main(["train", str(path), "--device", "cpu"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'run' / 'weights.safetensors'}\n"
    assert "step 2 64 px loss" in said.err and "images/s" in said.err and "min left" in said.err
    assert read_info(Path(said.out.strip())).facts["images"] == 4
    path.write_text(json.dumps(values | {"steps": -1}))
    assert main(["train", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_run_that_went_astray_keeps_its_last_state(photographs: Path, tmp_path: Path) -> None:
    made = loop.train(recipe(photographs, tmp_path / "run"), CPU)
    before = [p.read_bytes() for p in (made, made.with_name("state.safetensors"))]
    run = started(recipe(photographs, tmp_path / "run", steps=8))
    run.resume()
    next(run.average.parameters()).data.fill_(float("nan"))
    with pytest.raises(CheckpointError, match="finite"):
        run.save()
    assert [p.read_bytes() for p in (made, made.with_name("state.safetensors"))] == before


def test_a_broken_state_is_named(photographs: Path, tmp_path: Path) -> None:
    loop.train(recipe(photographs, tmp_path / "run"), CPU)
    state = tmp_path / "run" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="state"):
        loop.train(recipe(photographs, tmp_path / "run", steps=8), CPU)


@pytest.mark.parametrize("cut", [1, 6, 30, 10**6])
def test_a_row_that_was_not_written_whole_ends_no_run(photographs: Path, tmp_path: Path, cut: int) -> None:
    """As a full disk leaves it; the next row must not be written into the same line."""
    loop.train(recipe(photographs, tmp_path / "run"), CPU)
    log = tmp_path / "run" / "log.csv"
    log.write_bytes(log.read_bytes()[:-cut])
    made = loop.train(recipe(photographs, tmp_path / "run", steps=8), CPU)
    assert read_info(made).facts["steps"] == 8
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[-1]["step"] == "8" and all(float(row["loss"]) > 0 for row in rows)


def test_what_was_learned_stays_when_the_last_look_fails(photographs: Path, tmp_path: Path, monkeypatch: Any) -> None:
    def failing(self: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(loop._Run, "_look", failing)
    with pytest.raises(OSError, match="no space"):
        loop.train(recipe(photographs, tmp_path / "run"), CPU)
    assert read_info(tmp_path / "run" / "weights.safetensors").facts["steps"] == 6


@pytest.mark.parametrize(("first", "second"), [("adam", "muon"), ("muon", "adam")])
def test_a_state_of_another_optimizer_is_refused(photographs: Path, tmp_path: Path, first: str, second: str) -> None:
    loop.train(recipe(photographs, tmp_path / "run", optimizer=first), CPU)
    with pytest.raises(CheckpointError, match="it was trained with"):
        loop.train(recipe(photographs, tmp_path / "run", optimizer=second, steps=8), CPU)


@pytest.mark.parametrize("numbers", ["[]", "{}", '"text"', '{"step": "x", "images": 0, "elapsed": 0}'])
def test_a_state_with_other_counters_is_refused(photographs: Path, tmp_path: Path, numbers: str) -> None:
    loop.train(recipe(photographs, tmp_path / "run"), CPU)
    place = tmp_path / "run" / "state.safetensors"
    with safe_open(place, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, place, {"numbers": numbers})
    with pytest.raises(CheckpointError, match="cannot be resumed"):
        loop.train(recipe(photographs, tmp_path / "run", steps=8), CPU)


def test_random_numbers_of_another_device_are_drawn_anew(photographs: Path, tmp_path: Path) -> None:
    loop.train(recipe(photographs, tmp_path / "run"), CPU)
    place = tmp_path / "run" / "state.safetensors"
    with safe_open(place, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        numbers = file.metadata()
    save_file(tensors | {"random": torch.zeros(1, 16, dtype=torch.uint8)}, place, numbers)
    assert read_info(loop.train(recipe(photographs, tmp_path / "run", steps=8), CPU)).facts["steps"] == 8


def test_a_finished_run_is_shared_out_when_that_is_asked_for(photographs: Path, tmp_path: Path) -> None:
    made = loop.train(recipe(photographs, tmp_path / "run"), CPU)
    before = made.read_bytes()
    loop.train(recipe(photographs, tmp_path / "run", shards=0.05), CPU)
    join_shards(tmp_path / "run" / "weights.safetensors.shards.json", tmp_path / "joined")
    assert (tmp_path / "joined").read_bytes() == before == made.read_bytes()


def test_a_run_does_not_start_from_what_it_writes(photographs: Path, tmp_path: Path) -> None:
    made = loop.train(recipe(photographs, tmp_path / "run"), CPU)
    with pytest.raises(ConfigError, match="which it starts from"):
        loop.train(recipe(photographs, tmp_path / "run", start=str(made), steps=8), CPU)
