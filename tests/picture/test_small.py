"""Small copies made in strips are the small copies of the whole."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from regharm_core.picture import small


@pytest.mark.parametrize("size", [(64, 64), (30, 90), (97, 40), (130, 200)])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_strips_leave_no_trace(size: tuple[int, int], rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "STRIP_PIXELS", rows * 120)
    picture = torch.rand(2, 3, 97, 120, generator=torch.Generator().manual_seed(0))
    whole = F.interpolate(picture.square(), size, mode="bilinear", antialias=True)
    torch.testing.assert_close(small.shrink(picture, size, torch.square), whole, rtol=0, atol=1e-6)


def test_averages_are_averages() -> None:
    """Where cells are whole, every pixel counts: the mean of a small copy is the mean of the picture."""
    picture = torch.rand(1, 1, 96, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    made = small.shrink(picture, (12, 8))
    assert made.dtype == torch.float32
    assert float(made.mean()) == pytest.approx(float(picture.mean()), abs=0.01)
    assert torch.equal(small.shrink(picture, (96, 64)), picture.float())


@pytest.mark.parametrize("side", [700, 801, 1200])
def test_masks_stay_between_nothing_and_all(side: int) -> None:
    """Averages of ones come out as 1.0000004, and what is left outside of that would be negative."""
    mask = torch.ones(1, 1, side, side)
    mask[..., : side // 5, : side // 5] = 0
    assert float(small.shrink(mask, (224, 224)).amax()) > 1
    made = small.shrink_mask(mask, (224, 224))
    assert float(made.amax()) == 1 and float(made.amin()) == 0
