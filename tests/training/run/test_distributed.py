"""Two processes on the loopback train as one does on the batch of both, and go on after a stop."""

from __future__ import annotations

import copy
import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from regharm_core import ConfigError, HarmonizerConfig, HarmonizerNet, InputError
from regharm_core.training.run.distributed import World, _SharedBatchNorm, alone, joined
from regharm_core.training.run.loop import RANKS_APART, _Run
from regharm_core.training.run.losses import foreground_mse
from regharm_core.training.run.schedule import rate
from regharm_core.training.run.state import save_state

from .shared_batches import ALONE, CPU, GLOBAL, STEPS, SharedBatches, recipe, run

ROOT = Path(__file__).resolve().parents[3]


def losses(folder: Path) -> list[float]:
    with (folder / "log.csv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
def test_two_processes_are_as_good_as_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(Path(__file__).with_name("shared_batches.py")), str(tmp_path)]
    local = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = os.environ | local | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert made.returncode == 0, made.stderr
    run(tmp_path / "of1", ALONE)

    one, two = losses(tmp_path / "of1" / "whole"), losses(tmp_path / "of2" / "whole")
    assert len(one) == len(two) == STEPS and one[0] != one[1]
    # Sums in another order: 1e-7 a step, which Adam's division by small gradients makes larger. The log has 6 digits.
    assert two == pytest.approx(one, rel=2e-4, abs=2e-6)
    state_one, state_two, resumed = (
        load_file(tmp_path / place / "state.safetensors") for place in ("of1/whole", "of2/whole", "of2/parts")
    )
    for name, value in state_one.items():
        if name.startswith(("net.", "average.")) and value.is_floating_point():
            apart = float((value - state_two[name]).norm() / value.norm().clamp_min(1e-3))
            assert apart < 2e-3, (name, apart)
    assert state_two["random"].shape == (2, state_one["random"].shape[1])
    # A run that was stopped goes on bit for bit, on two processes too.
    assert losses(tmp_path / "of2" / "parts") == two
    assert all(torch.equal(resumed[name], value) for name, value in state_two.items())
    # With statistics of its own, each process learns from its half as if it had been shown by itself.
    own, halves = load_file(tmp_path / "of2" / "own" / "state.safetensors"), halves_apart(tmp_path / "halves")
    for name, value in halves.items():
        near, far = (float((value - state[f"net.{name}"]).norm() / value.norm()) for state in (own, state_two))
        assert near < 2e-3, (name, near)
        if name == "down.0.0.weight":
            assert far > 10 * near, (near, far)


def halves_apart(folder: Path) -> dict[str, torch.Tensor]:
    """What one process learns that shows the network each half of a batch by itself and steps after both."""
    made, source = _Run(recipe(folder), ALONE, SharedBatches(ALONE)), SharedBatches(ALONE)
    terms = made.recipe
    for made.step in range(STEPS):
        batch = source.batch(GLOBAL, 64, made.random)
        made.optimizer.zero_grad()
        for rows in (slice(0, GLOBAL // 2), slice(GLOBAL // 2, GLOBAL)):
            answer = made.net(batch.composite[rows], batch.mask[rows]).image
            area = terms.minimum_area * (64 / 256) ** 2
            (foreground_mse(answer, batch.target[rows], batch.mask[rows], area) / 2).backward()
        made.optimizer.param_groups[0]["lr"] = terms.learning_rate * rate(terms, made.progress, made.step)
        torch.nn.utils.clip_grad_norm_(made.learned, terms.clip)
        made.optimizer.step()
    return {name: value.detach() for name, value in made.net.named_parameters()}


def test_a_state_of_other_processes_is_taken_over(tmp_path: Path) -> None:
    """Saved by two, resumed by one: everything but the random numbers."""
    first = _Run(recipe(tmp_path), ALONE, SharedBatches(ALONE))
    first._advance()
    states = torch.stack([first.random.get_state()] * 2)
    numbers = {"step": 1, "images": 4, "elapsed": 2.0}
    save_state(tmp_path / "state.safetensors", first.net, first.average, first.optimizer, states, numbers)
    second = _Run(recipe(tmp_path), ALONE, SharedBatches(ALONE))
    second.resume()
    assert (second.step, second.images, second.elapsed) == (1, 4, 2.0)
    assert not torch.equal(second.random.get_state(), first.random.get_state())
    assert all(torch.equal(a, b) for a, b in zip(first.net.parameters(), second.net.parameters(), strict=True))


def test_a_batch_that_cannot_be_shared_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"3 processes cannot share batches of \[4\]"):
        _Run(recipe(tmp_path), World(0, 3, CPU), SharedBatches(ALONE))


def test_alone_without_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined(CPU) as world:
        assert world == alone(CPU)
    value = torch.tensor([1.0, 2.0])
    assert torch.equal(world.mean(value), value) and world.first(3.0) == 3.0 and world.gather(value).shape == (1, 2)
    net = HarmonizerNet(HarmonizerConfig(width=1))
    assert world.wrap(net) is net


def test_more_processes_than_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match=r"process 3 .* there are 2"), joined(torch.device("cuda")):
        pass


def test_every_parameter_is_used_whatever_the_masks() -> None:
    """DistributedDataParallel waits for each of them, on each process."""
    torch.manual_seed(0)
    net = HarmonizerNet(HarmonizerConfig(width=1, ltl=(16, 32, 64)))
    for mask in (torch.zeros(2, 1, 64, 64), torch.ones(2, 1, 64, 64)):
        net.zero_grad(set_to_none=True)
        net(torch.rand(2, 3, 64, 64), mask).image.sum().backward()
        assert [name for name, p in net.named_parameters() if p.grad is None] == []


def test_each_process_draws_its_own_numbers(tmp_path: Path) -> None:
    """A CPU's generator takes the lower half of a seed only."""
    first, second = (_Run(recipe(tmp_path), ALONE, SharedBatches(ALONE)).random for _ in range(2))
    assert torch.equal(first.get_state(), second.get_state())
    drawn = {tuple(torch.rand(3, generator=torch.Generator().manual_seed(RANKS_APART * n)).tolist()) for n in range(9)}
    assert len(drawn) == 9


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shared_statistics_of_one_are_its_own(dtype: torch.dtype) -> None:
    """The batch norm that stands in for torch's, in a group of one process."""
    torch.manual_seed(0)
    theirs = torch.nn.BatchNorm2d(3)
    theirs.weight.data, theirs.bias.data = torch.rand(3), torch.rand(3)
    ours = _SharedBatchNorm.of(copy.deepcopy(theirs))
    values = (3 * torch.randn(4, 3, 5, 6) + 2).to(dtype)
    weight = torch.randn(4, 3, 5, 6).to(dtype)
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    found: list[list[torch.Tensor]] = []
    try:
        for norm in (theirs, ours):
            given = values.clone().requires_grad_()
            answer = norm(given)
            assert answer.dtype == dtype
            (answer * weight).sum().backward()
            found.append([answer, given.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var])
    finally:
        torch.distributed.destroy_process_group()
    near = 1e-5 if dtype == torch.float32 else 0.03
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, atol=near, rtol=near)
    torch.testing.assert_close(ours.eval()(values), theirs.eval()(values), atol=near, rtol=near)
