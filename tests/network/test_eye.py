"""The eye: its padding against loops, the whole of it against a second reading of the paper's table, and that it stays
as it is."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from regharm_core.network.eye import CHANNELS, SLICE, EfficientNetLite0, SameConv
from tests.network import slow_maps
from tests.network.cases import assert_agree, features, shaken
from tests.network.mapnets import lively, lively_eye

# Table 1 of the paper (EfficientNet-B0), block by block: kernel, stride, expansion, channels.
BLOCKS = (
    (3, 1, 1, 16),
    (3, 2, 6, 24),
    (3, 1, 6, 24),
    (5, 2, 6, 40),
    (5, 1, 6, 40),
    (3, 2, 6, 80),
    (3, 1, 6, 80),
    (3, 1, 6, 80),
    (5, 1, 6, 112),
    (5, 1, 6, 112),
    (5, 1, 6, 112),
    (5, 2, 6, 192),
    (5, 1, 6, 192),
    (5, 1, 6, 192),
    (5, 1, 6, 192),
    (3, 1, 6, 320),
)
LAST_OF = {2: 4, 4: 8, 10: 16, 15: 32}  # blocks after which a side of the feature is halved next, or that are the last


@pytest.mark.parametrize("size", [(6, 9), (7, 8), (1, 2)], ids=str)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("kernel", "groups"), [(1, 1), (3, 1), (3, 4), (5, 4)])
def test_same_padding(kernel: int, groups: int, stride: int, size: tuple[int, int]) -> None:
    module = shaken(SameConv(4, 4, kernel, stride, groups))
    values = features(2, 4, *size)
    expected = [slow_maps.same_conv(one, module.weight, module.bias, stride, groups) for one in values]
    assert_agree(module(values), torch.stack(expected), [values, *module.parameters()])


def read(image: Tensor, state: dict[str, Tensor]) -> dict[int, Tensor]:
    """EfficientNet-Lite0's features by block, from named tensors and :data:`BLOCKS` alone.

    An odd side has as much padding before as after; an even one that a stride of 2 halves has one pixel more after.
    """

    def convolve(values: Tensor, name: str, stride: int = 1, groups: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        around = (weight.shape[-1] - 1) // 2
        before = [around - (stride == 2 and side % 2 == 0) for side in values.shape[-2:]]
        values = F.pad(values, (before[1], around, before[0], around))
        return F.conv2d(values, weight, state[f"{name}.bias"], stride, groups=groups)

    def capped(values: Tensor) -> Tensor:
        return values.clamp(0, 6)

    values = capped(convolve((255 * image - 127) / 128, "stem", 2))
    found = {}
    for number, (kernel, stride, expansion, channels) in enumerate(BLOCKS):
        name, inside = f"blocks.{number}", values
        if expansion > 1:
            values = capped(convolve(values, f"{name}.expand"))
        assert state[f"{name}.filter.weight"].shape[-1] == kernel
        values = capped(convolve(values, f"{name}.filter", stride, groups=values.shape[1]))
        values = convolve(values, f"{name}.project")
        if stride == 1 and inside.shape[1] == channels:
            values = values + inside
        found[number] = values
    return found


@pytest.mark.parametrize("size", [(64, 96), (65, 75), (66, 33)], ids=str)
def test_the_whole_eye(size: tuple[int, int]) -> None:
    eye = lively_eye().double()
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    seen, expected = eye(image), read(image, eye.state_dict())
    assert [part.shape[1] for part in seen] == list(CHANNELS)
    for part, (block, stride) in zip(seen, LAST_OF.items(), strict=True):
        assert part.shape[-2:] == tuple(-(-side // stride) for side in size)
        assert part.std() > 0.1  # there is something to agree about
        torch.testing.assert_close(part, expected[block], rtol=1e-9, atol=1e-9)
    assert len(eye.state_dict()) == 2 * (1 + 3 * len(BLOCKS) - 1)  # no tensor that the second reading has not read


def test_seen_in_slices_or_at_once() -> None:
    eye = lively_eye().double()
    image = torch.rand(SLICE + 3, 3, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shown: list[int] = []
    hook = eye.stem.register_forward_pre_hook(lambda _, given: shown.append(len(given[0])))
    seen = eye(image)
    hook.remove()
    assert shown == [SLICE, 3]
    at_once = read(image, eye.state_dict())
    for part, block in zip(seen, LAST_OF, strict=True):
        torch.testing.assert_close(part, at_once[block], rtol=1e-9, atol=1e-9)


def test_it_stays_in_eval_and_frozen() -> None:
    net = lively(eye=True)
    for mode in (True, False, True):
        assert net.train(mode) is net and net.training is mode and net.down.training is mode
        assert net.eye is not None and not any(module.training for module in net.eye.modules())
        assert not any(parameter.requires_grad for parameter in net.eye.parameters())
    assert all(p.requires_grad for name, p in net.named_parameters() if not name.startswith("eye."))


def test_nothing_of_it_is_kept_for_a_backward_pass() -> None:
    net = lively(eye=True).train()
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    kept: list[Tensor] = []
    assert net.eye is not None
    hook = net.eye.register_forward_hook(lambda _, __, seen: kept.extend(seen))
    net(image, torch.ones(1, 1, 64, 64))
    hook.remove()
    assert len(kept) == 4 and not any(part.requires_grad for part in kept)


def test_it_has_no_norms_and_no_classifier() -> None:
    names = {type(module) for module in EfficientNetLite0().modules()}
    assert {kind.__name__ for kind in names} == {"EfficientNetLite0", "ModuleList", "InvertedResidual", "SameConv"}
