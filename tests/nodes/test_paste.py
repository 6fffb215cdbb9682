"""Paste Cut-out: what is seen, where it lies, and what the node says."""

from __future__ import annotations

from typing import Any

import pytest
import torch

NODE = "RegHarmPaste"


def disc(side: int = 16) -> torch.Tensor:
    """1 in a disc: 1 side side."""
    y, x = torch.arange(side)[:, None] - (side - 1) / 2, torch.arange(side)[None] - (side - 1) / 2
    return (side / 2 - 1 - (x**2 + y**2).sqrt()).clamp(0, 1)[None]


def test_what_load_image_gives_needs_nothing_more(pack: Any, scene: Any) -> None:
    torch.manual_seed(2)
    cutout, seen = torch.rand(1, 16, 16, 3), disc()
    image, mask = pack.run(NODE, scene.image[:1], cutout, 20, 30, 1.0, 0.0, "top left", 1 - seen)
    assert image.shape == (1, 48, 64, 3) and mask.shape == (1, 48, 64)
    assert torch.allclose(mask[:, 30:46, 20:36], seen) and float(mask.sum()) == pytest.approx(float(seen.sum()))
    wanted = seen[..., None] * cutout + (1 - seen[..., None]) * scene.image[:1, 30:46, 20:36]
    assert torch.allclose(image[:, 30:46, 20:36], wanted, atol=1e-6)
    assert torch.equal(image[mask == 0], scene.image[:1][mask == 0])
    assert pack.facts == ["1 image, cut-out 16 x 16 px, 4 % of the canvas"] and not pack.cautions
    other, again = pack.run(NODE, scene.image[:1], cutout, 20, 30, 1.0, 0.0, "top left", seen, invert_mask=True)
    assert torch.allclose(other, image, atol=1e-6) and torch.allclose(again, mask)
    rgba = torch.cat([cutout, seen[..., None]], dim=3)
    assert torch.allclose(pack.run(NODE, scene.image[:1], rgba, 20, 30, 1.0, 0.0, "top left")[0], image, atol=1e-6)


def test_alpha_and_mask_are_multiplied(pack: Any, scene: Any) -> None:
    rgba = torch.cat([torch.rand(1, 16, 16, 3), torch.full((1, 16, 16, 1), 0.5)], dim=3)
    _, mask = pack.run(NODE, scene.image[:1], rgba, 0, 0, 1.0, 0.0, "top left", torch.full((1, 16, 16), 0.5))
    assert torch.allclose(mask[:, :16, :16], torch.tensor(0.25))


def test_settings_reach_the_core(pack: Any, scene: Any) -> None:
    cutout = torch.rand(1, 16, 10, 3)
    _, mask = pack.run(NODE, scene.image[:1], cutout, 32, 40, 2.0, 90.0, "bottom", flip=True)
    # turned by 90 degrees its foot points left: 32 wide, 20 high, standing on its side
    assert float(mask[:, 30:48, 32:64].amin()) == 1 and float(mask[:, :30].amax()) == 0
    assert float(mask[:, :, :32].amax()) == 0
    assert pack.facts[0].startswith("1 image, cut-out 20 x 32 px")
    assert pack.cautions == ["the cut-out has neither alpha nor mask: all of its rectangle was pasted"]


def test_batches(pack: Any, scene: Any) -> None:
    cutouts, seen = torch.rand(3, 16, 16, 3), disc()
    image, mask = pack.run(NODE, scene.image[:1], cutouts, 5, 5, 1.0, 0.0, "top left", 1 - seen)
    assert image.shape == (3, 48, 64, 3) and not torch.equal(image[0], image[2]) and not pack.cautions
    image, mask = pack.run(NODE, scene.image, cutouts[:1], 5, 5, 1.0, 0.0, "top left", 1 - seen)
    assert image.shape == (2, 48, 64, 3) and mask.shape == (2, 48, 64) and not pack.cautions
    image, _ = pack.run(NODE, scene.image, cutouts, 5, 5, 1.0, 0.0, "top left", 1 - seen)
    assert torch.equal(image[2][mask[0] == 0], scene.image[1][mask[0] == 0])
    assert pack.cautions == ["3 images, 2 backgrounds: the last background was repeated"]
    assert pack.host.bars[-1].seen == [1, 2, 3]


def test_alpha_and_dtype_of_the_background_are_kept(pack: Any, scene: Any) -> None:
    background = torch.cat([scene.image, torch.rand(2, 48, 64, 1)], dim=3).half()
    image, mask = pack.run(NODE, background, torch.rand(1, 16, 16, 3), 5, 5, 1.0, 0.0, "top left", 1 - disc())
    assert image.dtype == torch.float16 and image.shape == background.shape
    assert torch.equal(image[mask == 0], background[mask == 0])


def test_defringe_reaches_the_core(pack: Any, scene: Any) -> None:
    seen = disc(32)
    cutout = seen[..., None] * 0.5 + (1 - seen[..., None]) * torch.tensor([0.0, 1.0, 0.0])
    dark = torch.zeros(1, 48, 64, 3)
    fringed, _ = pack.run(NODE, dark, cutout, 5, 5, 1.0, 0.0, "top left", 1 - seen)
    clean, _ = pack.run(NODE, dark, cutout, 5, 5, 1.0, 0.0, "top left", 1 - seen, defringe=2)
    green = [float((p[..., 1] - p[..., 0]).amax()) for p in (fringed, clean)]
    assert green[0] > 0.1 and green[1] < 1e-3


def test_what_looks_wrong_is_spoken_of(pack: Any, scene: Any) -> None:
    cutout, seen = torch.rand(1, 16, 16, 3), disc()
    pack.run(NODE, scene.image[:1], cutout, 5, 5, 1.0, 0.0, "top left", seen)
    assert "the cut-out's mask looks inverted" in pack.said
    image, _ = pack.run(NODE, scene.image[:1], cutout, 500, 5, 1.0, 0.0, "top left", 1 - seen)
    assert torch.equal(image, scene.image[:1]) and "nothing of the cut-out lies on the background" in pack.said
    pack.run(NODE, scene.image[:1], cutout, 5, 5, 1.0, 0.0, "top left", 1 - disc(16)[:, :, :8])
    assert "cutout_mask (8 x 16) was stretched" in pack.said


def test_cancel(pack: Any, scene: Any) -> None:
    pack.host.cancel_after = 1
    with pytest.raises(pack.host.interrupt):
        pack.run(NODE, scene.image, torch.rand(1, 16, 16, 3), 5, 5, 1.0, 0.0, "top left")


def test_errors_name_the_input(pack: Any, scene: Any) -> None:
    error = pack.module("regharm_core").InputError
    with pytest.raises(error, match="cutout must be"):
        pack.run(NODE, scene.image, torch.rand(16, 16, 3), 5, 5, 1.0, 0.0, "top left")
    with pytest.raises(error, match=r"scale 16 makes the cut-out 32000 x 160 px"):
        pack.run(NODE, scene.image, torch.rand(1, 10, 2000, 3), 5, 5, 16.0, 0.0, "top left")


def test_the_empty_mask_of_load_image_leaves_a_rectangle(pack: Any, scene: Any) -> None:
    """Which it gives for a picture without alpha."""
    pack.run(NODE, scene.image[:1], torch.rand(1, 16, 16, 3), 5, 5, 1.0, 0.0, "top left", torch.zeros(1, 64, 64))
    assert "the cut-out has no transparency: all of its rectangle was pasted" in pack.cautions


def test_counts_are_those_of_what_was_given(pack: Any, scene: Any) -> None:
    seen, backgrounds = disc(), scene.image[:1].repeat(5, 1, 1, 1)
    pack.run(NODE, backgrounds[:3], torch.rand(3, 16, 16, 3), 5, 5, 1.0, 0.0, "top left", (1 - seen).repeat(2, 1, 1))
    assert pack.cautions == ["3 images, 2 cut-out masks: the last cut-out mask was repeated"]
    pack.run(NODE, backgrounds, torch.rand(3, 16, 16, 3), 5, 5, 1.0, 0.0, "top left", 1 - seen)
    assert pack.cautions == ["5 images, 3 cut-outs: the last cut-out was repeated"]
