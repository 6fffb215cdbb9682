"""What not every device has is asked of the CPU alone: double precision is not there on Apple's MPS."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from regharm_core import Clip, Harmonizer, harmonize
from regharm_core.picture import suspicion
from tests.network.mapnets import strong

cpu, double, to = Tensor.cpu, Tensor.double, Tensor.to


class Home(Tensor):
    """A tensor that was brought to the CPU, and what is computed from it."""


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all tensors were on a device without double precision until ``cpu`` is called."""

    def at_home(self: Tensor) -> Tensor:
        return cpu(self).as_subclass(Home)

    def exact(self: Tensor) -> Tensor:
        if not isinstance(self, Home):
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return double(self)

    def moved(self: Tensor, *given: Any, **named: Any) -> Tensor:
        if torch.float64 in (*given, named.get("dtype")) and not isinstance(self, Home):
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return to(self, *given, **named)

    monkeypatch.setattr(Tensor, "cpu", at_home)
    monkeypatch.setattr(Tensor, "double", exact)
    monkeypatch.setattr(Tensor, "to", moved)


def scene(count: int = 2) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    mask = torch.zeros(count, 1, 90, 120)
    mask[..., 10:40, 10:40], mask[..., 55:80, 80:110] = 1, 1
    return torch.rand(count, 3, 90, 120, generator=random), mask


@pytest.mark.parametrize("layout", ["pixels", "maps"])
@pytest.mark.parametrize("way", [{}, {"shared": True}, {"steady": True}, {"encoding": "linear"}, {"tone": 0.5}])
@pytest.mark.usefixtures("elsewhere")
def test_harmonize(layout: str, way: dict[str, Any]) -> None:
    model: Harmonizer = strong(layout)
    image, mask = scene()
    grey = image.mean(1, keepdim=True).expand_as(image)
    for picture in (image, grey):
        made = harmonize(model, picture, mask, kept=[], **way)
        assert not torch.equal(made, picture)


@pytest.mark.usefixtures("elsewhere")
def test_frames_one_by_one_and_the_status_line() -> None:
    image, mask = scene()
    clip = Clip(strong("maps"))
    for n in range(2):
        clip.look(image[n : n + 1], mask[n : n + 1])
    assert clip.change(1, image[1:], mask[1:]).shape == (1, 3, 90, 120)
    assert suspicion.concentration(mask[0], torch.ones_like(mask[0])) is not None
    with pytest.raises(TypeError, match="float64"):
        image.double()
