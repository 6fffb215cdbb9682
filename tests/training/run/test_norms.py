"""Batch norms that use what they have counted while everything else is learned."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from regharm_core import HarmonizerConfig, HarmonizerNet, save_checkpoint
from regharm_core.store.checkpoint import load_network
from regharm_core.training.run import loop
from regharm_core.training.run.norms import freeze_norms
from regharm_core.training.run.recipe import Phase, Recipe

MODEL = HarmonizerConfig(width=2, gated=False, refine=(0, 0, 0, 0), view=64)


def test_a_frozen_norm_divides_by_what_it_has_counted() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.BatchNorm2d(4))).double()
    random = torch.Generator().manual_seed(0)
    for _ in range(3):
        net(torch.rand(4, 3, 8, 8, generator=random, dtype=torch.float64))
    picture = torch.rand(1, 3, 8, 8, generator=random, dtype=torch.float64)
    used = net.eval()(picture)
    counted = copy.deepcopy(net.state_dict())
    assert not torch.allclose(copy.deepcopy(net).train()(picture), used)
    assert freeze_norms(net.train()) == 2
    assert torch.equal(net(picture), used)  # in a batch of one, in training, as in use
    assert all(torch.equal(value, counted[name]) for name, value in net.state_dict().items())
    assert net.training and all(p.requires_grad for p in net.parameters())


def test_a_run_keeps_the_statistics_it_started_from_and_learns_the_rest(photographs: Path, tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    save_checkpoint(HarmonizerNet(MODEL), start, facts={})
    before = load_network(start)[0].state_dict()
    recipe = Recipe(
        data=(str(photographs),),
        out=str(tmp_path / "free"),
        model=MODEL,
        steps=3,
        phases=(Phase(64, 2, 1.0),),
        warmup=1,
        average=0.0,
        start=str(start),
    )
    for frozen in (False, True):
        given = replace(recipe, out=str(tmp_path / str(frozen)), frozen_norms=frozen)
        after = load_network(loop.train(given, torch.device("cpu")))[0].state_dict()
        changed = {name for name in after if not torch.equal(after[name], before[name])}
        assert any("running" in name for name in changed) != frozen
        assert any(name.endswith(".weight") for name in changed)
