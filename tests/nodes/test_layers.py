"""A stack of layers: what changes, what stays, and where the node is not offered."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
import torch

NODE = "RegHarmLayers"


@pytest.fixture
def stack() -> dict[str, Any]:
    """A background, a shadow, a thing with two frames, a thing that is hidden."""
    torch.manual_seed(6)
    hole = torch.zeros(1, 20, 24)
    hole[:, :4] = 1  # transparent
    middling = [torch.rand(*shape) * 0.5 + 0.25 for shape in ((1, 48, 64, 3), (1, 48, 64, 3), (2, 20, 24, 4))]
    middling[2][..., 3] = 1
    thing = {"image": middling[2], "type": "raster", "mask": hole, "x": 20, "y": 10, "z_index": 2, "opacity": 0.5}
    return {
        "version": 1,
        "canvas": (64, 48),
        "layers": [
            {**thing, "name": "thing"},
            {"image": middling[0], "type": "raster", "z_index": 0},
            {"image": middling[1], "type": "raster", "z_index": 1, "name": "shadow", "blend_mode": "multiply"},
            {"image": torch.rand(1, 20, 24, 3), "type": "raster", "z_index": 3, "visible": False},
        ],
    }


def test_things_change_and_the_rest_stays(pack: Any, harmonizer: Any, stack: dict[str, Any]) -> None:
    before = stack["layers"][0]["image"].clone()
    (result,) = pack.run(NODE, harmonizer, stack, 1.0)
    assert result["canvas"] == (64, 48) and result["version"] == 1
    for n in (1, 2, 3):
        assert result["layers"][n]["image"] is not None
        assert torch.equal(result["layers"][n]["image"], stack["layers"][n]["image"])
    new, old = result["layers"][0], stack["layers"][0]
    assert {key: value for key, value in new.items() if key != "image"} == {
        key: value for key, value in old.items() if key != "image"
    }
    assert new["image"].shape == old["image"].shape and torch.equal(new["image"][..., 3], old["image"][..., 3])
    assert float((new["image"] - old["image"])[..., :3].abs().amax()) > 0.01
    assert torch.equal(old["image"], before)  # what came in is not written into
    assert pack.facts[0] == "5 layers, 2 harmonized:" and pack.facts[1].startswith("'thing' ")
    assert pack.cautions == ["'shadow' is laid down with multiply and stays as it is: it is light, not a thing"]
    assert pack.host.bars[-1].seen[-1] == 3 * 4


def test_a_layer_is_changed_as_its_composite_would_be(pack: Any, harmonizer: Any, stack: dict[str, Any]) -> None:
    document = {
        "version": 1,
        "layers": [stack["layers"][1], {**stack["layers"][0], "image": stack["layers"][0]["image"][:1]}],
    }
    (result,) = pack.run(NODE, harmonizer, document, 0.8, colour=0.5)
    composite, mask = document["layers"][0]["image"].clone(), torch.zeros(1, 48, 64)
    composite[:, 14:30, 20:44] = document["layers"][1]["image"][:, 4:, :, :3]
    mask[:, 14:30, 20:44] = 1
    wanted, _, _ = pack.run("RegHarmHarmonize", harmonizer, composite, mask, 0.8, colour=0.5)
    assert torch.allclose(result["layers"][1]["image"][:, 4:, :, :3], wanted[:, 14:30, 20:44], atol=1e-5)


def test_what_is_beneath_is_seen_with_its_mode_and_opacity(pack: Any, harmonizer: Any, stack: dict[str, Any]) -> None:
    (first,) = pack.run(NODE, harmonizer, stack, 1.0)
    stack["layers"][2] = {**stack["layers"][2], "blend_mode": "normal", "visible": False}
    (second,) = pack.run(NODE, harmonizer, stack, 1.0)
    assert not torch.equal(first["layers"][0]["image"], second["layers"][0]["image"])


def test_one_layer_or_nothing_beneath(pack: Any, harmonizer: Any, stack: dict[str, Any]) -> None:
    alone = {"version": 1, "layers": [stack["layers"][1]]}
    (result,) = pack.run(NODE, harmonizer, alone, 1.0)
    assert torch.equal(result["layers"][0]["image"], alone["layers"][0]["image"])
    assert pack.facts == ["1 layer, 0 harmonized"]
    apart = {"version": 1, "canvas": (64, 48), "layers": [
        {"image": torch.rand(1, 16, 16, 4) * torch.tensor([1.0, 1, 1, 0]), "type": "raster"},
        {"image": torch.rand(1, 16, 16, 3), "type": "raster", "x": 30},
    ]}  # fmt: skip
    (result,) = pack.run(NODE, harmonizer, apart, 1.0)
    assert torch.equal(result["layers"][1]["image"], apart["layers"][1]["image"])
    assert pack.facts[1] == "layer 2 unchanged"


def test_cancel(pack: Any, harmonizer: Any, stack: dict[str, Any]) -> None:
    pack.host.checks, pack.host.cancel_after = 0, 3
    with pytest.raises(pack.host.interrupt):
        pack.run(NODE, harmonizer, stack, 1.0)


@pytest.mark.parametrize("lacking", ["type", "compositor"])
def test_not_offered_where_the_host_has_no_layers(pack: Any, monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    if lacking == "type":
        monkeypatch.delattr(sys.modules["comfy_api.latest"].io, "Layers")
    else:
        monkeypatch.delitem(sys.modules, "comfy_extras.nodes_compositor")
        monkeypatch.delattr(sys.modules["comfy_extras"], "nodes_compositor")
    listed = asyncio.run(pack.extension.get_node_list())
    assert [node.define_schema().node_id for node in listed] == [name for name in pack.nodes if name != NODE]


def test_only_what_was_harmonized_is_counted_and_hidden_layers_are_named(
    pack: Any, harmonizer: Any, stack: dict[str, Any]
) -> None:
    pack.run(NODE, harmonizer, stack, 0.0)
    assert pack.facts[0] == "5 layers, 0 harmonized" or pack.facts[0].startswith("5 layers, 0 harmonized:")
    assert any("is hidden and stays as it is" in line for line in pack.facts)


def test_a_canvas_that_is_too_small_is_named(pack: Any, harmonizer: Any, stack: dict[str, Any]) -> None:
    layers = [{**layer, "image": layer["image"][:, :8, :8]} for layer in stack["layers"][:2]]
    document = {"version": 1, "layers": layers, "canvas": (8, 8)}
    with pytest.raises(pack.module("regharm_core").InputError, match="the layers' canvas must have 16 px"):
        pack.run(NODE, harmonizer, document, 1.0)
