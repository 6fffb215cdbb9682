"""Recorded steps: on a GPU they learn what plain ones learn; elsewhere, when they are recorded and when not."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from regharm_core.training.data.source import Batch
from regharm_core.training.run.graphed import WARM, Graphed
from regharm_core.training.run.optimizer import Muon


def batch(count: int, size: int, seed: int, device: str = "cpu") -> Batch:
    random = torch.Generator().manual_seed(seed)
    composite, target = torch.rand(2, count, 3, size, size, generator=random).to(device)
    kind, profiles = torch.zeros(count, dtype=torch.int64, device=device), composite[:, :, None, :4].mT
    return Batch(composite, composite[:, :1], target, kind, profiles, composite[:, 0, 0, 0] > 0.5)


class Recording:
    """Stands in for a CUDA graph: replaying runs what was asked for while it was recorded."""

    def __init__(self) -> None:
        self.replayed = 0

    def replay(self) -> None:
        self.replayed += 1


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[Recording]:
    made: list[Recording] = []

    @contextmanager
    def recorded(graph: Recording) -> Any:
        made.append(graph)
        yield

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Recording)
    monkeypatch.setattr(torch.cuda, "graph", recorded)
    monkeypatch.setattr(Graphed, "_beside", lambda self, batch: self.step(batch))
    return made


def test_a_shape_is_warmed_up_recorded_once_and_replayed(recordings: list[Recording]) -> None:
    asked: list[tuple[int, ...]] = []

    def step(batch: Batch) -> Tensor:
        asked.append(tuple(batch.composite.shape))
        return batch.composite.mean()

    learn = Graphed(step)
    for n in range(WARM + 4):
        learn(batch(2, 8, n))
    assert len(asked) == WARM + 1 and [graph.replayed for graph in recordings] == [4]
    for n in range(WARM + 2):
        learn(batch(2, 16, n))
    assert [graph.replayed for graph in recordings] == [4, 2] and asked[-1] == (2, 3, 16, 16)


def test_each_replay_reads_its_own_batch(recordings: list[Recording]) -> None:
    held: list[Batch] = []

    def step(batch: Batch) -> Tensor:
        held.append(batch)
        return batch.composite.mean()

    learn = Graphed(step)
    for n in range(WARM + 3):
        learn(batch(2, 8, n))
        if n >= WARM:
            wanted = batch(2, 8, n)
            assert len(wanted.parts) == 6 and held[-1].parts.keys() == wanted.parts.keys()
            for name, part in wanted.parts.items():
                assert torch.equal(held[-1].parts[name], part)


def test_what_cannot_be_recorded_runs_as_it_is(recordings: list[Recording], capsys: pytest.CaptureFixture[str]) -> None:
    steps = [0]

    def step(batch: Batch) -> Tensor:
        steps[0] += 1
        if steps[0] == WARM + 1:
            raise RuntimeError("operation not permitted when stream is capturing")
        return batch.composite.mean()

    learn = Graphed(step)
    for n in range(WARM + 3):
        learn(batch(2, 8, n))
    assert steps[0] == WARM + 4 and not any(graph.replayed for graph in recordings)
    assert capsys.readouterr().err.count("cannot be recorded") == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="recording a step needs an NVIDIA GPU")
def test_on_a_gpu_recorded_steps_learn_what_plain_ones_learn() -> None:
    torch.manual_seed(0)
    start = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 3, 1)).cuda()

    def trained(recorded: bool) -> list[Tensor]:
        net = copy.deepcopy(start)
        rate = torch.tensor(0.0, device="cuda")
        optimizer = Muon(net.parameters(), rate, (0.9, 0.999), capturable=True, decay=0.1)

        def step(batch: Batch) -> Tensor:
            loss = (net(batch.composite) - batch.target).square().mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            return loss.detach()

        learn = Graphed(step) if recorded else step
        losses = []
        for n in range(12):
            optimizer.param_groups[0]["lr"].fill_(0.01 / (1 + n))  # a recorded step reads the new one
            losses.append(learn(batch(4, 16, n, "cuda")).clone())
        return [*losses, *(p.detach() for p in net.parameters())]

    for plain, recorded in zip(trained(False), trained(True), strict=True):
        torch.testing.assert_close(plain, recorded, rtol=1e-3, atol=1e-4)
