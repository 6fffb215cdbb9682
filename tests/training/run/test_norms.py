"""Batch norms that use what they have counted while everything else is learned."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import nn

from regharm_core import HarmonizerConfig
from regharm_core.training.run import loop
from regharm_core.training.run.distributed import alone
from regharm_core.training.run.norms import freeze_norms
from regharm_core.training.run.recipe import Phase, Recipe
from regharm_core.training.run.sources import open_source

MODEL = HarmonizerConfig(width=2, gated=False, refine=(0, 0, 0, 0), view=64)
CPU = torch.device("cpu")


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


def test_the_last_phase_keeps_what_the_averaged_network_has_counted(photographs: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        data=(str(photographs),),
        out=str(tmp_path),
        model=MODEL,
        steps=4,
        phases=(Phase(64, 2, 0.5), Phase(64, 2, 0.5, frozen_norms=True)),
        warmup=1,
        average=0.5,
    )
    run = loop._Run(recipe, alone(CPU), open_source(recipe, CPU))
    seen: list[dict[str, torch.Tensor]] = []
    while run.progress < 1:
        run._advance()
        seen.append(copy.deepcopy(run.net.state_dict()))
    counted = [{name: value for name, value in state.items() if "running" in name} for state in seen]
    assert any(not torch.equal(counted[1][name], value) for name, value in counted[0].items())
    average = run.average.state_dict()
    for name, value in counted[2].items():
        assert torch.equal(value, counted[3][name])
        torch.testing.assert_close(average[name], value)
    assert not torch.equal(seen[2]["head.weight"], seen[3]["head.weight"])
    assert any(not torch.equal(seen[2][name], seen[3][name]) for name in seen[2] if name.endswith("1.weight"))
