"""Faults at every point: memory runs out, Cancel is pressed."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from regharm_core import HarmonizerConfig, HarmonizerNet, harmonize
from tests.nodes.conftest import harmonizer, pack, scene, weights  # noqa: F401 (fixtures)
from tests.nodes.fakes import OutOfMemory

HARMONIZE, ATTENTION = "RegHarmHarmonize", "RegHarmAttention"
CONFIG = HarmonizerConfig(width=1, refine=(0, 0, 0, 0), gated=False, view=64)


class FaultAt(TorchDispatchMode):
    """Counts the operations that allocate, and fails at the one numbered ``at`` (and after it where ``always``).

    ``alive`` says how many of the tensors made inside are still held by someone.
    """

    def __init__(self, at: int | None, *, always: bool = False) -> None:
        super().__init__()
        self.at, self.always, self.seen = at, always, 0
        self.made: list[weakref.ref[torch.Tensor]] = []

    @property
    def over(self) -> bool:
        """Whether it has failed and will not again: what follows need not be counted, which takes half of the time."""
        return self.at is not None and not self.always and self.seen >= self.at

    @property
    def alive(self) -> int:
        if any(made() is not None for made in self.made):
            gc.collect()
        return sum(made() is not None for made in self.made)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and not func.is_view:
            self.seen += 1
            self.made.append(weakref.ref(result))
            if self.at is not None and (self.seen == self.at or (self.always and self.seen > self.at)):
                raise OutOfMemory("out of memory")
        return result


def run(pack: Any, harmonizer: Any, scene: Any, fault: FaultAt, node: str = HARMONIZE) -> torch.Tensor:  # noqa: F811
    held = pack.module("nodes.host")
    whole = held.in_batches

    def guarded(patcher: Any, work: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        def failing(*given: Any) -> torch.Tensor:
            if fault.over:
                return work(*given)
            with fault:
                return work(*given)

        return whole(patcher, failing, *args, **kwargs)

    held.in_batches = guarded
    try:
        rest = (1.0,) if node == HARMONIZE else ("PTL", 0.6, "inferno")
        return pack.run(node, harmonizer, scene.image, scene.mask, *rest)[0]
    finally:
        held.in_batches = whole


@pytest.mark.parametrize("node", [HARMONIZE, ATTENTION])
def test_memory_runs_out_once(pack: Any, harmonizer: Any, scene: Any, node: str) -> None:  # noqa: F811
    """The same result from smaller steps, wherever the first attempt failed."""
    pack.host.device_is_cpu = False  # two pictures at once, so that there is something to halve
    counted = FaultAt(None)
    roomy = run(pack, harmonizer, scene, counted, node)
    assert counted.seen > 80
    for at in range(1, counted.seen + 1):
        before = pack.host.emptied
        assert torch.allclose(run(pack, harmonizer, scene, FaultAt(at), node), roomy, atol=1e-5), at
        assert pack.host.emptied == before + 1, at
    assert not pack.host.unloaded


@pytest.mark.parametrize("node", [HARMONIZE, ATTENTION])
def test_memory_runs_out_always(
    request: pytest.FixtureRequest,
    pack: Any,  # noqa: F811
    harmonizer: Any,  # noqa: F811
    scene: Any,  # noqa: F811
    node: str,
) -> None:
    """From any point on: a clear error, the host asked to free the device, no tensor left; then all is well."""
    pack.host.device_is_cpu = False
    counted = FaultAt(None)
    right = run(pack, harmonizer, scene, counted, node)
    gc.collect()
    gc.freeze()  # what is there already is not searched for cycles again at each point
    request.addfinalizer(gc.unfreeze)
    for at in range(1, counted.seen + 1):
        fault, before = FaultAt(at, always=True), (pack.host.unloaded, pack.host.emptied)
        with pytest.raises(RuntimeError, match="out of memory on cpu with a single picture of 64 x 48 px"):
            run(pack, harmonizer, scene, fault, node)
        assert (pack.host.unloaded, pack.host.emptied) == (before[0] + 1, before[1] + 2), at
        assert fault.alive == 0, at
    assert torch.equal(run(pack, harmonizer, scene, FaultAt(None), node), right)


@pytest.mark.parametrize("frames", ["per frame", "shared"])
def test_cancel_at_every_step(pack: Any, harmonizer: Any, scene: Any, frames: str) -> None:  # noqa: F811
    def go() -> torch.Tensor:
        return pack.run(HARMONIZE, harmonizer, scene.image, scene.mask, 1.0, feather=2, frames=frames)[0]

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
