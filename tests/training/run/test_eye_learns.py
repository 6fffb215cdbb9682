"""A recipe may let the eye's deeper part learn along."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from regharm_core import ConfigError, HarmonizerConfig, save_checkpoint
from regharm_core.network.build import build_network
from regharm_core.network.mapnet import MapNet
from regharm_core.training.run import loop
from regharm_core.training.run.recipe import Recipe
from tests.training.run.tiny import CPU, recipe, started, weights

WITH_EYE = HarmonizerConfig(
    layout="maps", stages=(4, 4, 8, 8), eye=True, overall=8, matching="content", translation="none", view=64
)


def seeing(photographs: Path, out: Path, start: Path, **options: object) -> Recipe:
    return recipe(photographs, out, start=str(start), optimizer="muon", model=WITH_EYE, **options)


@pytest.fixture
def start(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    net = build_network(WITH_EYE)
    for parameter in net.parameters():  # layers that begin at zero would let no gradient through
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    save_checkpoint(net.eval(), tmp_path / "start.safetensors", facts={})
    return tmp_path / "start.safetensors"


def test_the_deeper_part_learns_slower_and_the_rest_of_the_eye_stays(
    photographs: Path, tmp_path: Path, start: Path
) -> None:
    before = weights(start)
    moved: dict[float, float] = {}
    for share in (0.0, 0.05, 0.5):
        made = weights(loop.train(seeing(photographs, tmp_path / str(share), start, eye_rate=share), CPU))
        changed = {name for name, value in made.items() if not torch.equal(value, before[name])}
        eye = {name for name in changed if name.startswith("eye.")}
        assert {int(name.split(".")[2]) for name in eye} == (set(range(5, 16)) if share else set())
        assert {"middle.0.0.weight", "overall.maps.weight"} <= changed
        moved[share] = sum(float((made[name] - before[name]).abs().sum()) for name in eye)
    assert 4 < moved[0.5] / moved[0.05] < 25


def test_a_stopped_run_goes_on_with_its_eye(photographs: Path, tmp_path: Path, start: Path) -> None:
    whole = weights(loop.train(seeing(photographs, tmp_path / "whole", start, eye_rate=0.2), CPU))
    run = started(seeing(photographs, tmp_path / "parts", start, eye_rate=0.2))
    run.out.mkdir()
    for _ in range(3):
        run._advance()
    run.save()
    resumed = weights(loop.train(seeing(photographs, tmp_path / "parts", start, eye_rate=0.2), CPU))
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())


def test_the_deeper_part_is_most_of_the_eye() -> None:
    net = build_network(WITH_EYE)
    assert isinstance(net, MapNet) and net.eye is not None
    count = [sum(p.numel() for p in part) for part in (net.eye.deeper(), net.eye.parameters())]
    assert 0.9 < count[0] / count[1] < 1


def test_a_rate_that_is_none_and_a_network_without_an_eye(photographs: Path, tmp_path: Path, start: Path) -> None:
    for wrong in (-0.1, 1.5):
        with pytest.raises(ConfigError, match=rf"eye_rate must be .* got {wrong}"):
            seeing(photographs, tmp_path, start, eye_rate=wrong)
    with pytest.raises(ConfigError, match="without an eye"):
        recipe(photographs, tmp_path, eye_rate=0.1)
