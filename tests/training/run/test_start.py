"""Weights to start from: taken over, widened, refused, and what of them is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from regharm_core import ConfigError, HarmonizerConfig, HarmonizerNet, read_info, save_checkpoint
from regharm_core.store.checkpoint import load_network
from regharm_core.training.run import loop
from tests.training.run.tiny import CPU, MODEL, TOLD, recipe, started, weights


def test_frozen_norms_keep_their_statistics_and_still_learn(photographs: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = HarmonizerNet(MODEL)
    norms = [name for name, part in net.named_modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for name in norms:
        torch.nn.init.uniform_(net.get_submodule(name).running_mean, -0.2, 0.2)
    save_checkpoint(net.eval(), tmp_path / "start.safetensors", facts={})
    wanted = recipe(photographs, tmp_path / "run", start=str(tmp_path / "start.safetensors"), frozen_norms=True)
    made, before = weights(loop.train(wanted, CPU)), net.state_dict()
    kept = [name for name in made if "running" in name or "num_batches" in name]
    assert norms and len(kept) == 3 * len(norms)
    for name in kept:  # fp16 in the file
        assert torch.allclose(made[name].float(), before[name].float(), atol=1e-3), name
    assert any(not torch.allclose(made[f"{name}.bias"], before[f"{name}.bias"], atol=1e-5) for name in norms)


def test_frozen_norms_need_a_start(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="frozen_norms needs a start"):
        recipe(photographs, tmp_path, frozen_norms=True)


def test_weights_to_start_from(photographs: Path, tmp_path: Path) -> None:
    made = loop.train(recipe(photographs, tmp_path / "first"), CPU)
    run = started(recipe(photographs, tmp_path / "second", start=str(made)))
    assert all(torch.equal(run.net.state_dict()[name], value) for name, value in weights(made).items())
    first = read_info(made).facts["images"]
    run.out.mkdir()
    run.save()  # what was seen before is counted in
    assert first > 0 and read_info(tmp_path / "second" / "weights.safetensors").facts["images"] == first


def test_ptl_may_be_added_to_a_trained_network_and_changes_nothing_at_first(photographs: Path, tmp_path: Path) -> None:
    plain = HarmonizerConfig(layout="maps", stages=(4, 4, 8, 8), ltl=(), translation="none", overall=8, view=64)
    made = loop.train(replace(recipe(photographs, tmp_path / "first", steps=2), model=plain), CPU)
    more = replace(plain, translation="ptl", ptl_stride=16, doubt=True)
    run = started(replace(recipe(photographs, tmp_path / "second", start=str(made)), model=more))
    image, mask = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    mask[..., 10:40, 10:40] = 1
    with torch.no_grad():
        answers = [net.eval()(image, mask).image for net in (load_network(made)[0], run.net)]
    torch.testing.assert_close(answers[1], answers[0], atol=1e-5, rtol=0)


def test_what_tells_of_the_rim_has_a_rate_of_its_own_and_the_reader_none(photographs: Path, tmp_path: Path) -> None:
    model = HarmonizerConfig(**TOLD)
    steps = {}
    for share in (1.0, 8.0):
        run = started(recipe(photographs, tmp_path / str(share), model=model, told_rate=share, average=0.0))
        torch.nn.init.normal_(run.net.overall.maps.weight)  # a new network has no use for what it is told
        before = {name: value.clone() for name, value in run.net.state_dict().items()}
        run.out.mkdir()
        run._advance()
        after = run.net.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before if name.startswith("rim."))
        steps[share] = float((after["told.last.bias"] - before["told.last.bias"]).abs().max())
    assert steps[8.0] == pytest.approx(8 * steps[1.0], rel=0.01) and steps[1.0] > 0
    with pytest.raises(ConfigError, match="told_rate must be a finite number, more than 0, got 0"):
        recipe(photographs, tmp_path, told_rate=0)


def test_weights_of_a_narrower_network_are_widened(photographs: Path, tmp_path: Path) -> None:
    made = loop.train(recipe(photographs, tmp_path / "first", steps=1), CPU)
    wider = replace(MODEL, width=4, temperature=2**0.5)
    run = started(replace(recipe(photographs, tmp_path / "second", start=str(made)), model=wider))
    narrow = load_network(made)[0]
    image, mask = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    mask[..., 10:40, 10:40] = 1
    with torch.no_grad():
        answers = [net.eval()(image, mask).image for net in (narrow, run.net)]
    torch.testing.assert_close(answers[1], answers[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize("model", [replace(MODEL, width=3), replace(MODEL, gated=True), replace(MODEL, width=1)])
def test_weights_of_another_network(photographs: Path, tmp_path: Path, model: HarmonizerConfig) -> None:
    path = tmp_path / "w.safetensors"
    save_checkpoint(HarmonizerNet(MODEL), path, facts={})
    with pytest.raises(ConfigError, match=r"w\.safetensors.*\"width\": 2.*only view, temperature"):
        started(replace(recipe(photographs, tmp_path / "run", start=str(path)), model=model))
