"""What holds for every picture, device and precision, with the tolerances that are promised for each."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from regharm_core import harmonize
from regharm_core.network.face import Harmonizer

CPU = torch.device("cpu")
# device -> largest difference of a batch from its singles, and of fp32, fp16 and bf16 weights from fp32 on the CPU
TOLERANCES = {
    "cpu": {"batch": 1e-4, torch.float32: 0.0, torch.float16: 0.01, torch.bfloat16: 0.05},
    "cuda": {"batch": 1e-3, torch.float32: 2e-3, torch.float16: 0.01, torch.bfloat16: 0.05},
    "mps": {"batch": 1e-3, torch.float32: 2e-3, torch.float16: 0.01, torch.bfloat16: 0.05},
}


def on(model: Harmonizer, device: torch.device, dtype: torch.dtype = torch.float32) -> Harmonizer:
    return copy.deepcopy(model).to(device, dtype)


def scene(device: torch.device, seed: int = 3) -> tuple[Tensor, Tensor]:
    """Three pictures of 70 x 90 px: a small box, a half-transparent one, and four pixels."""
    image = torch.rand(3, 3, 70, 90, generator=torch.Generator().manual_seed(seed))
    mask = torch.zeros(3, 1, 70, 90)
    mask[0, :, 5:20, 5:30], mask[1, :, 30:60, 40:85], mask[2, :, 10:12, 10:12] = 1, 0.5, 1
    return image.to(device), mask.to(device)


def bits(picture: Tensor) -> Tensor:
    return picture.contiguous().view(torch.int16 if picture.element_size() == 2 else torch.int32)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_strength_zero_and_the_background_are_the_input_bit_for_bit(
    model: Harmonizer, device: torch.device, dtype: torch.dtype
) -> None:
    image, mask = scene(device)
    image = image.to(dtype)
    image[:, 0, 0, 0], image[:, 1, 0, 0], image[:, 2, 0, 0] = -0.0, 7.0, -3.0
    net = on(model, device)
    assert torch.equal(bits(harmonize(net, image, mask, strength=0)), bits(image))
    for strength in (0.3, 1.0, 2.0):
        result = harmonize(net, image, mask, strength=strength)
        outside = (mask == 0).expand_as(image)
        assert torch.equal(bits(result)[outside], bits(image)[outside])
        assert not torch.equal(result, image)


def test_the_same_bits_twice(model: Harmonizer, device: torch.device) -> None:
    if device.type != "cpu":
        pytest.skip("promised on the CPU")
    image, mask = scene(device)
    net = on(model, device)
    once = harmonize(net, image, mask)
    assert all(torch.equal(bits(once), bits(harmonize(net, image, mask))) for _ in range(3))
    assert torch.equal(bits(once), bits(harmonize(on(model, device), image.clone(), mask.clone())))


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_a_batch_equals_its_singles(model: Harmonizer, device: torch.device, batch_size: int) -> None:
    image, mask = scene(device)
    net = on(model, device)
    together = harmonize(net, image, mask, batch_size=batch_size)
    singles = torch.cat([harmonize(net, image[n : n + 1], mask[n : n + 1]) for n in range(3)])
    assert float((together - singles).abs().max()) <= TOLERANCES[device.type]["batch"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_devices_and_precisions_agree(model: Harmonizer, device: torch.device, dtype: torch.dtype) -> None:
    image, mask = scene(CPU)
    wanted = harmonize(on(model, CPU), image, mask, strength=2)
    got = harmonize(on(model, device, dtype), image.to(device), mask.to(device), strength=2).cpu()
    assert float((wanted - image).abs().max()) > 0.1  # there is something to agree about
    assert float((got - wanted).abs().max()) <= TOLERANCES[device.type][dtype]


def test_threads_may_share_a_model(model: Harmonizer) -> None:
    def one(seed: int) -> Tensor:
        random = torch.Generator().manual_seed(seed)
        image, mask = torch.rand(1, 3, 64 + seed, 80, generator=random), torch.zeros(1, 1, 64 + seed, 80)
        mask[..., 10:30, 20:50] = 1
        return harmonize(model, image, mask)

    alone = [one(n) for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(one, [*range(8)] * 2))
    assert all(torch.equal(a, b) for a, b in zip(alone * 2, together, strict=True))
