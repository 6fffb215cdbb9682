"""The heat map node: shapes, questions, answers that do not exist."""

from __future__ import annotations

from typing import Any

import pytest
import torch

NODE = "RegHarmAttention"


@pytest.mark.parametrize("layer", ["PTL", "LTL"])
def test_map_and_picture(pack: Any, harmonizer: Any, scene: Any, layer: str) -> None:
    image, heat = pack.run(NODE, harmonizer, scene.image, scene.mask, layer, 0.6, "inferno")
    assert image.shape == scene.image.shape and heat.shape == (2, 48, 64)
    assert float(heat.amax()) == pytest.approx(1) and float(heat[scene.inside].amax()) == 0
    assert pack.host.bars[0].seen == [4, 8] and not pack.cautions
    assert pack.facts[0].startswith("2 images: half of what was taken comes from ")


def test_a_network_without_ptl_shows_its_ltl_and_says_so(pack: Any, weights: str, scene: Any) -> None:
    core = pack.module("regharm_core")
    config = core.HarmonizerConfig(width=2, refine=(0, 0, 0, 0), gated=False, view=64, translation="none")
    core.save_checkpoint(core.HarmonizerNet(config).eval(), pack.host.models_dir / "harmonizers" / weights, facts={})
    bare = pack.run("RegHarmLoad", weights, "fp32")[0]
    _, asked = pack.run(NODE, bare, scene.image, scene.mask, "PTL", 0.6, "inferno")
    assert pack.facts[0].endswith(" of the background (LTL: this network has no PTL)") and not pack.cautions
    _, other = pack.run(NODE, bare, scene.image, scene.mask, "LTL", 0.6, "inferno")
    assert torch.equal(asked, other) and "PTL" not in pack.said


def test_query_mask_asks_about_a_part(pack: Any, harmonizer: Any, scene: Any) -> None:
    query = torch.zeros(48, 64)
    query[12:16, 16:20] = 1
    _, whole = pack.run(NODE, harmonizer, scene.image, scene.mask, "PTL", 0.6, "inferno")
    _, part = pack.run(NODE, harmonizer, scene.image, scene.mask, "PTL", 0.6, "inferno", query)
    assert not torch.equal(whole, part) and not pack.cautions
    pack.run(NODE, harmonizer, scene.image, scene.mask, "PTL", 0.6, "inferno", torch.zeros(48, 64))
    assert "query mask does not touch" in pack.said


def test_one_picture_many_questions(pack: Any, harmonizer: Any, scene: Any) -> None:
    query = torch.zeros(3, 48, 64)
    for n in range(3):
        query[n, 12 + 8 * n : 20 + 8 * n, 16:40] = 1
    image, heat = pack.run(NODE, harmonizer, scene.image[:1], scene.mask[:1], "LTL", 0.6, "viridis", query)
    assert image.shape == (3, 48, 64, 3) and not torch.equal(heat[0], heat[2])


def test_nothing_to_look_at(pack: Any, harmonizer: Any, scene: Any) -> None:
    _, heat = pack.run(NODE, harmonizer, scene.image, torch.zeros(64, 64), "PTL", 0.6, "inferno")
    assert float(heat.amax()) == 0 and "mask is empty" in pack.said


def test_alpha_and_dtype_are_kept(pack: Any, harmonizer: Any, scene: Any) -> None:
    image = torch.cat([scene.image, torch.rand(2, 48, 64, 1)], dim=3).half()
    result, _ = pack.run(NODE, harmonizer, image, scene.mask, "PTL", 1.0, "grey")
    assert result.dtype == torch.float16 and torch.equal(result[..., 3], image[..., 3])


def test_cancel(pack: Any, harmonizer: Any, scene: Any) -> None:
    pack.host.cancel_after = 0
    with pytest.raises(pack.host.interrupt):
        pack.run(NODE, harmonizer, scene.image, scene.mask, "PTL", 0.6, "inferno")
