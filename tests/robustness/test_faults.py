"""Faults at every point: memory runs out, Cancel is pressed, the disk is full, the process is killed."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from regharm_core import HarmonizerConfig, HarmonizerNet, InputError, harmonize, save_checkpoint
from regharm_core.checkpoint import load_network
from regharm_core.files import replacing
from regharm_core.training import lock
from regharm_core.training.state import load_state, save_state
from tests.nodes.conftest import harmonizer, pack, scene, weights  # noqa: F401 (fixtures)
from tests.nodes.fakes import OutOfMemory

NODE = "RegHarmHarmonize"
CONFIG = HarmonizerConfig(width=1, refine=(0, 0, 0, 0), gated=False, view=64)
ROOT = Path(__file__).resolve().parents[2]


class FaultAt(TorchDispatchMode):
    """Counts the operations that allocate, and fails at the one numbered ``at`` (and after it where ``always``)."""

    def __init__(self, at: int | None, *, always: bool = False) -> None:
        super().__init__()
        self.at, self.always, self.seen = at, always, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and not func.is_view:
            self.seen += 1
            if self.at is not None and (self.seen == self.at or (self.always and self.seen > self.at)):
                raise OutOfMemory("out of memory")
        return result


def run(pack: Any, harmonizer: Any, scene: Any, fault: FaultAt) -> torch.Tensor:  # noqa: F811
    held = pack.module("nodes.host")
    whole = held.in_batches

    def guarded(patcher: Any, work: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        def failing(*given: Any) -> torch.Tensor:
            with fault:
                return work(*given)

        return whole(patcher, failing, *args, **kwargs)

    held.in_batches = guarded
    try:
        return pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0)[0]
    finally:
        held.in_batches = whole


def test_memory_runs_out_once_at_every_point(pack: Any, harmonizer: Any, scene: Any) -> None:  # noqa: F811
    """The same result from smaller steps, wherever the first attempt failed."""
    pack.host.device_is_cpu = False  # two pictures at once, so that there is something to halve
    counted = FaultAt(None)
    roomy = run(pack, harmonizer, scene, counted)
    assert counted.seen > 100
    for at in range(1, counted.seen + 1):
        before = pack.host.emptied
        assert torch.allclose(run(pack, harmonizer, scene, FaultAt(at)), roomy, atol=1e-5), at
        assert pack.host.emptied == before + 1, at
    assert not pack.host.unloaded


@pytest.mark.parametrize("at", [1, 40, 150])
def test_memory_runs_out_always(pack: Any, harmonizer: Any, scene: Any, at: int) -> None:  # noqa: F811
    pack.host.device_is_cpu = False
    with pytest.raises(RuntimeError, match="out of memory on cpu with a single picture of 64 x 48 px"):
        run(pack, harmonizer, scene, FaultAt(at, always=True))
    assert pack.host.unloaded == 1
    assert run(pack, harmonizer, scene, FaultAt(None)).shape == scene.image.shape


@pytest.mark.parametrize("frames", ["per frame", "shared"])
def test_cancel_at_every_step(pack: Any, harmonizer: Any, scene: Any, frames: str) -> None:  # noqa: F811
    def go() -> torch.Tensor:
        return pack.run(NODE, harmonizer, scene.image, scene.mask, 1.0, feather=2, frames=frames)[0]

    pack.host.checks = 0
    right = go()
    steps = pack.host.checks
    assert steps >= 6
    for after in range(steps):
        pack.host.checks, pack.host.cancel_after = 0, after
        with pytest.raises(pack.host.interrupt):
            go()
        pack.host.cancel_after = None
        assert torch.equal(go(), right), after


def test_cancel_in_the_core_leaves_inputs_and_the_next_call_alone() -> None:
    torch.manual_seed(0)
    net = HarmonizerNet(CONFIG).eval()
    image, mask = torch.rand(2, 3, 64, 64), torch.zeros(2, 1, 64, 64)
    mask[..., 10:40, 10:40] = 1
    before = image.clone()
    right = harmonize(net, image, mask)

    class Cancelled(BaseException):
        pass

    for steps in range(4):
        countdown = iter([None] * steps)

        def check(countdown: Iterator[None] = countdown) -> None:
            try:
                next(countdown)
            except StopIteration:
                raise Cancelled from None

        with pytest.raises(Cancelled):
            harmonize(net, image, mask, check=check, batch_size=1)
        assert torch.equal(image, before) and torch.equal(harmonize(net, image, mask), right)


def full_disk(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_keeps_the_old_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept.safetensors"
    save_checkpoint(HarmonizerNet(CONFIG), path, facts={"images": 1})
    before = path.read_bytes()
    for function in ("regharm_core.checkpoint.save_file", "os.fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(function, full_disk)
            with pytest.raises(OSError, match="No space"):
                save_checkpoint(HarmonizerNet(CONFIG), path, facts={"images": 2})
        assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_full_disk_keeps_the_old_training_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = HarmonizerNet(CONFIG)
    optimizer = torch.optim.Adam(net.parameters())
    path = tmp_path / "state.safetensors"
    save_state(path, net, net, optimizer, torch.get_rng_state(), {"step": 1})
    with monkeypatch.context() as patch:
        patch.setattr("regharm_core.training.state.save_file", full_disk)
        with pytest.raises(OSError, match="No space"):
            save_state(path, net, net, optimizer, torch.get_rng_state(), {"step": 2})
    assert load_state(path, net, net, optimizer)[1] == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError, SystemExit])
def test_what_interrupts_a_write_leaves_the_old_file(tmp_path: Path, kind: type[BaseException]) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"old")
    with pytest.raises(kind), replacing(path) as temporary:
        temporary.write_bytes(b"half of the n")
        raise kind
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


WRITER = """
import sys, torch
from pathlib import Path
from regharm_core import HarmonizerConfig, HarmonizerNet, save_checkpoint
net = HarmonizerNet(HarmonizerConfig(width=1, refine=(0, 0, 0, 0), gated=False, view=64))
n = 0
while True:
    save_checkpoint(net, Path(sys.argv[1]), facts={"images": n})
    n += 1
    if n == 1:
        print("written", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
def test_a_kill_in_the_middle_of_writing_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    for pause in (0.0, 0.013, 0.031):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as writer:
            assert writer.stdout is not None and writer.stdout.readline() == b"written\n"
            time.sleep(pause)
            writer.send_signal(signal.SIGKILL)
        _, info = load_network(path)
        assert info.facts["images"] >= 0
    save_checkpoint(HarmonizerNet(CONFIG), path, facts={"images": -1})  # what was left behind is in nobody's way
    assert load_network(path)[1].facts == {"images": -1}


HOLDER = """
import sys
from pathlib import Path
from regharm_core.training.lock import only_process
with only_process(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_train_into_one_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="another process is training"), lock.only_process(tmp_path):
            pass
        holder.kill()
    with lock.only_process(tmp_path):  # the dead let go
        pass
