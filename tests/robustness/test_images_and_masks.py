"""Whatever tensors come in: a defined answer, or an InputError that names the argument."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regharm_core import InputError, attention_map, harmonize
from regharm_core.network.face import Harmonizer

BOUNDED = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def tensors(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """An image, a mask and a reference mask of many kinds; not all of them fit each other."""
    batch, channels = draw(st.integers(0, 3)), draw(st.sampled_from([1, 3, 3, 3, 3, 4]))
    height, width = draw(st.integers(1, 600)), draw(st.integers(1, 600))
    dtype = draw(
        st.sampled_from([torch.float32, torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.uint8])
    )
    random = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    scale, shift = draw(st.sampled_from([(1, 0), (1, 0), (4, -2), (1000, 0), (0, 0.5), (1e30, -5e29)]))
    image = (torch.rand(batch, channels, height, width, generator=random) * scale + shift).to(dtype)
    layout = draw(st.sampled_from(["plain", "transposed", "expanded"]))
    if layout == "expanded":
        image = image[:, :, :1].expand(-1, -1, height, -1)  # every row the same memory
    elif layout == "transposed":
        image = image.transpose(2, 3).contiguous().transpose(2, 3)  # strides of another layout
    if batch and draw(st.integers(0, 7)) == 0 and dtype.is_floating_point:
        image = image.clone()
        image[0, 0, 0, 0] = draw(st.sampled_from([float("nan"), float("inf"), float("-inf")]))
    kind = draw(st.sampled_from(["soft", "soft", "box", "empty", "full", "beyond", "other size", "expanded"]))
    mask = torch.rand(batch, 1, height, width, generator=random)
    if kind == "box":
        mask = (mask > 2).float()
        mask[..., height // 3 : height // 2 + 1, width // 4 : width // 2 + 1] = 1
    elif kind in ("empty", "full"):
        mask = torch.full_like(mask, float(kind == "full"))
    elif kind == "beyond":
        mask = mask * 5 - 2
    elif kind == "other size":
        mask = torch.rand(batch, 1, height + 1, width)
    elif kind == "expanded" and batch:
        mask = mask[:1, :, :1].expand(batch, 1, height, width)
    mask = mask.to(draw(st.sampled_from([*[torch.float32] * 5, torch.float16, torch.float64, torch.bool, torch.uint8])))
    if batch and draw(st.integers(0, 15)) == 0 and mask.dtype.is_floating_point:
        mask = mask.clone()
        mask[0, 0, 0, 0] = draw(st.sampled_from([float("nan"), float("inf"), float("-inf")]))
    reference = None
    if draw(st.integers(0, 2)) == 0:
        reference = (torch.rand(batch, 1, height, width, generator=random) - draw(st.sampled_from([0.0, 0.5, 1.0]))) * 2
    return image, mask, reference


@BOUNDED
@given(given=tensors(), strength=st.sampled_from([0.0, 0.5, 1.0, 2.0]), context=st.sampled_from([None, 1.25, 1.5, 1e9]))
def test_a_defined_answer_or_a_named_argument(
    model: Harmonizer, device: torch.device, given: Any, strength: float, context: Any
) -> None:
    if device.type == "mps" and any(t is not None and t.dtype == torch.float64 for t in given):
        return  # that device has no such numbers
    net = model if device.type == "cpu" else copy.deepcopy(model).to(device)
    image, mask, reference = (None if t is None else t.to(device) for t in given)
    before = image.clone(), mask.clone()
    try:
        result = harmonize(net, image, mask, reference_mask=reference, strength=strength, context=context)
    except InputError as error:
        assert "image" in str(error) or "mask" in str(error)
    else:
        if strength == 0:
            assert torch.equal(result, image)
        assert result.shape == image.shape and result.dtype == image.dtype
        assert bool(result.isfinite().all())
        outside = (mask <= 0).expand_as(image)
        assert torch.equal(result[outside], image[outside])
    assert torch.equal(image.isnan(), before[0].isnan()) and torch.equal(image.nan_to_num(), before[0].nan_to_num())
    assert torch.equal(mask.nan_to_num(), before[1].nan_to_num()) and torch.equal(mask.isnan(), before[1].isnan())


@settings(BOUNDED, max_examples=40)
@given(given=tensors(), layer=st.sampled_from(["ptl", "ltl"]))
def test_attention_is_as_careful(model: Harmonizer, given: Any, layer: str) -> None:
    image, mask, reference = given
    try:
        heat = attention_map(model, image, mask, reference_mask=reference, layer=layer)
    except InputError as error:
        assert "image" in str(error) or "mask" in str(error)
    else:
        assert heat.shape == (image.shape[0], 1, *image.shape[2:])
        assert bool(heat.isfinite().all()) and 0 <= float(heat.sum()) and not bool((heat > 1).any())


@pytest.mark.parametrize("wrong", [None, 3, "picture", [[0.0]]])
def test_what_is_no_tensor(model: Harmonizer, wrong: Any) -> None:
    with pytest.raises(InputError, match="image"):
        harmonize(model, wrong, torch.zeros(1, 1, 32, 32))
    with pytest.raises(InputError, match="mask"):
        harmonize(model, torch.zeros(1, 3, 32, 32), wrong)
