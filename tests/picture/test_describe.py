"""What changed, in numbers (against plain loops) and in words."""

from __future__ import annotations

import math

import pytest
import torch

from regharm_core.picture.describe import Change, change_in_words, mean_change, measure_change, share_in_words
from tests.picture.scenes import square_scene


def slow_change(before: torch.Tensor, after: torch.Tensor, mask: torch.Tensor) -> list[float]:
    """Pixel by pixel in double precision: lightness, warmth, green, saturation, contrast, size."""
    facts: list[list[float]] = []
    size = total = 0.0
    for picture in (before, after):
        sums, lumas = [0.0] * 4, list[tuple[float, float]]()
        for y in range(mask.shape[1]):
            for x in range(mask.shape[2]):
                w = float(mask[0, y, x])
                r, g, b = (min(max(float(v), 0.0), 1.0) for v in picture[:, y, x])
                luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
                lumas.append((luma, w))
                for n, value in enumerate((luma, r - b, g - (r + b) / 2, max(r, g, b) - min(r, g, b))):
                    sums[n] += w * value
        total = float(mask.double().sum())
        mean = sums[0] / total
        spread = math.sqrt(sum(w * (v - mean) ** 2 for v, w in lumas) / total)
        facts.append([*(s / total for s in sums), spread])
    for y in range(mask.shape[1]):
        for x in range(mask.shape[2]):
            moved = sum(abs(float(a) - float(b)) for a, b in zip(after[:, y, x], before[:, y, x], strict=True))
            size += float(mask[0, y, x]) * moved / 3
    first, second = facts
    steps = [255 * (b - a) for a, b in zip(first[:4], second[:4], strict=True)]
    return [*steps, 100 * (second[4] / first[4] - 1), 255 * size / total]


def test_numbers_are_those_of_plain_loops() -> None:
    before, mask = square_scene(24, 30)
    after = (before * torch.tensor([0.7, 0.8, 0.9])[:, None, None] + 0.03).clamp(0, 1)
    found = measure_change(before, after, mask)
    wanted = slow_change(before, after, mask)
    assert [found.lightness, found.warmth, found.green, found.saturation, found.contrast, found.size] == pytest.approx(
        wanted, abs=1e-3
    )
    assert found.share == pytest.approx(float(mask.mean()))


def test_a_large_foreground_is_measured_by_some_of_its_pixels() -> None:
    before = torch.full((3, 1100, 1300), 0.5)
    found = measure_change(before, before - 0.1, torch.ones(1, 1100, 1300))
    assert found.lightness == pytest.approx(-25.5, abs=1e-2) and found.share == 1


@pytest.mark.parametrize(
    ("gain", "shift", "said"),
    [
        ((0.7, 0.7, 0.7), 0.0, "much darker"),
        ((1.0, 1.0, 1.0), 0.05, "lighter"),
        ((1.0, 1.0, 0.8), 0.0, "warmer"),
        ((0.85, 1.0, 1.0), 0.0, "cooler"),
        ((1.0, 0.9, 1.0), 0.0, "pinker"),
        ((0.9, 1.0, 0.9), 0.0, "greener"),
    ],
)
def test_words_say_the_direction(gain: tuple[float, ...], shift: float, said: str) -> None:
    before, mask = square_scene(40, 40)
    after = before * torch.tensor(gain)[:, None, None] + shift
    assert said in change_in_words(measure_change(before, after, mask))


def test_saturation_and_contrast_have_words() -> None:
    before, mask = square_scene(40, 40)
    grey = before.mean(0, keepdim=True)
    assert "less saturated" in change_in_words(measure_change(before, grey + 0.5 * (before - grey), mask))
    flat = 0.5 + 0.6 * (before - 0.5)
    assert "less contrast" in change_in_words(measure_change(before, flat, mask))
    assert "more contrast" in change_in_words(measure_change(flat, before, mask))


def test_nothing_and_next_to_nothing() -> None:
    before, mask = square_scene(20, 20)
    assert change_in_words(measure_change(before, before, mask)) == "unchanged"
    assert change_in_words(measure_change(before, before + 0.5 / 255, mask)).startswith("hardly changed, by 0.5 of")
    empty = measure_change(before, before + 1, torch.zeros_like(mask))
    assert empty == Change(0.0)


def test_colours_that_move_without_a_mean() -> None:
    """Half of the foreground lighter, the other half darker: no direction, yet not unchanged."""
    before, mask = torch.full((3, 8, 8), 0.5), torch.ones(1, 8, 8)
    after = before.clone()
    after[:, :, :4] += 0.1
    after[:, :, 4:] -= 0.1
    assert change_in_words(measure_change(before, after, mask)) == "colours moved by 26 of 255 on average"


def test_means_and_shares() -> None:
    both = mean_change([Change(0.2, lightness=10), Change(0.4, lightness=-4)])
    assert (both.share, both.lightness) == (pytest.approx(0.3), 3)
    assert mean_change([]) == Change(0.0)
    assert share_in_words([0.18]) == "18 %"
    assert share_in_words([0.03, 0.18]) == "3 to 18 %"
    assert share_in_words([0.004]) == "0.4 %"
    assert share_in_words([0.0001]) == "less than 0.1 %"
