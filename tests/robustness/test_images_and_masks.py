"""Whatever tensors come in: a defined answer, or an InputError that names the argument."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regharm_core import HarmonizerConfig, HarmonizerNet, InputError, harmonize

DTYPES = (torch.float32, torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.uint8)
BOUNDED = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def model() -> HarmonizerNet:
    torch.manual_seed(0)
    net = HarmonizerNet(HarmonizerConfig(width=1, refine=(0, 0, 0, 0), gated=False, view=64))
    torch.nn.init.normal_(net.head.weight, std=0.3)
    return net.eval().requires_grad_(False)


@st.composite
def tensors(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    """An image and a mask of many kinds; not all of them fit each other."""
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
    return image, mask


@BOUNDED
@given(both=tensors(), strength=st.sampled_from([0.0, 0.5, 1.0, 2.0]), context=st.sampled_from([None, 1.5]))
def test_a_defined_answer_or_a_named_argument(model: HarmonizerNet, both: Any, strength: float, context: Any) -> None:
    image, mask = both
    before = image.clone(), mask.clone()
    try:
        result = harmonize(model, image, mask, strength=strength, context=context)
    except InputError as error:
        assert "image" in str(error) or "mask" in str(error)
    else:
        assert result.shape == image.shape and result.dtype == image.dtype
        assert bool(result.isfinite().all())
        outside = (mask <= 0).expand_as(image)
        assert torch.equal(result[outside], image[outside])
    assert torch.equal(image.isnan(), before[0].isnan()) and torch.equal(image.nan_to_num(), before[0].nan_to_num())
    assert torch.equal(mask, before[1])


@pytest.mark.parametrize("wrong", [None, 3, "picture", [[0.0]]])
def test_what_is_no_tensor(model: HarmonizerNet, wrong: Any) -> None:
    with pytest.raises(InputError, match="image"):
        harmonize(model, wrong, torch.zeros(1, 1, 32, 32))
    with pytest.raises(InputError, match="mask"):
        harmonize(model, torch.zeros(1, 3, 32, 32), wrong)


def test_the_same_bits_twice_and_singles(model: HarmonizerNet) -> None:
    random = torch.Generator().manual_seed(3)
    image, mask = torch.rand(3, 3, 70, 90, generator=random), torch.zeros(3, 1, 70, 90)
    mask[0, :, 5:20, 5:30], mask[1, :, 30:60, 40:85], mask[2, :, 10:12, 10:12] = 1, 0.5, 1
    once = harmonize(model, image, mask)
    assert torch.equal(once, harmonize(model, image, mask))
    singles = torch.cat([harmonize(model, image[n : n + 1], mask[n : n + 1]) for n in range(3)])
    assert float((once - singles).abs().max()) < 1e-4  # CPU, fp32


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 0.01), (torch.bfloat16, 0.05)])
def test_half_precision_weights_stay_close(model: HarmonizerNet, dtype: torch.dtype, tolerance: float) -> None:
    random = torch.Generator().manual_seed(4)
    image, mask = torch.rand(1, 3, 64, 64, generator=random), torch.zeros(1, 1, 64, 64)
    mask[..., 20:40, 20:50] = 1
    half = copy.deepcopy(model).to(dtype)
    assert float((harmonize(half, image, mask) - harmonize(model, image, mask)).abs().max()) < tolerance


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_other_devices_agree(model: HarmonizerNet, name: str) -> None:
    there = torch.cuda.is_available() if name == "cuda" else torch.backends.mps.is_available()
    if not there:
        pytest.skip(f"no {name} device here")
    image, mask = torch.rand(1, 3, 200, 300), torch.zeros(1, 1, 200, 300)
    mask[..., 50:100, 60:150] = 1
    there = harmonize(copy.deepcopy(model).to(name), image.to(name), mask.to(name)).cpu()
    assert float((there - harmonize(model, image, mask)).abs().max()) < 2e-3
    outside = (mask == 0).expand_as(image)
    assert torch.equal(there[outside], image[outside])


def test_threads_may_share_a_model(model: HarmonizerNet) -> None:
    def one(seed: int) -> torch.Tensor:
        random = torch.Generator().manual_seed(seed)
        image, mask = torch.rand(1, 3, 64 + seed, 80, generator=random), torch.zeros(1, 1, 64 + seed, 80)
        mask[..., 10:30, 20:50] = 1
        return harmonize(model, image, mask)

    alone = [one(n) for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(one, range(8)))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))
