"""The example workflows on the canvas: nothing overlaps, all have a note, a thumbnail and true settings."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from regharm_core.pipeline import default_weights

PACK = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((PACK / "example_workflows").glob("*.json"))
SCHEMA: dict[str, Any] = json.loads((PACK / "tests" / "nodes" / "schema.json").read_text(encoding="utf-8"))
WIDGETS = ("INT", "FLOAT", "BOOLEAN", "COMBO")
TITLE = 30  # px that a node's title stands above its position
GAP = 10

Box = tuple[float, float, float, float]


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def flow(request: pytest.FixtureRequest) -> dict[str, Any]:
    return json.loads(request.param.read_text(encoding="utf-8"))


def box(node: dict[str, Any]) -> Box:
    """Left, top, right, bottom, title and all."""
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE, x + width, y + height


def test_there_are_seven() -> None:
    assert len(EXAMPLES) == 7


def test_no_node_lies_on_another(flow: dict[str, Any]) -> None:
    for one, other in combinations(flow["nodes"], 2):
        a, b = box(one), box(other)
        apart = a[2] + GAP <= b[0] or b[2] + GAP <= a[0] or a[3] + GAP <= b[1] or b[3] + GAP <= a[1]
        assert apart, f"{one['id']} {one['type']} and {other['id']} {other['type']}"


def test_groups_hold_their_nodes_whole_or_not_at_all(flow: dict[str, Any]) -> None:
    for group in flow.get("groups", []):
        left, top, width, height = group["bounding"]
        for node in flow["nodes"]:
            a = box(node)
            outside = a[2] <= left or a[0] >= left + width or a[3] <= top or a[1] >= top + height
            inside = a[0] >= left and a[1] >= top and a[2] <= left + width and a[3] <= top + height
            assert outside or inside, f"{node['type']} crosses the border of {group['title']!r}"


def test_links_lead_from_output_to_input_of_one_type(flow: dict[str, Any]) -> None:
    nodes = {node["id"]: node for node in flow["nodes"]}
    for number, origin, slot, target, place, kind in flow["links"]:
        source, sink = nodes[origin]["outputs"][slot], nodes[target]["inputs"][place]
        assert number in source["links"] and sink["link"] == number
        assert source["type"] == kind and kind in (sink["type"], "*") or sink["type"] == "*"


def test_our_nodes_have_the_inputs_and_settings_of_the_schema(flow: dict[str, Any]) -> None:
    for node in flow["nodes"]:
        if (schema := SCHEMA.get(node["type"])) is None:
            continue
        wanted = [slot for slot in schema["inputs"] if slot["type"] in WIDGETS]
        assert len(node["widgets_values"]) <= len(wanted)  # inputs that came later take their defaults
        assert {slot["name"] for slot in node["inputs"]} <= {slot["id"] for slot in schema["inputs"]}
        for slot, value in zip(wanted, node["widgets_values"], strict=False):
            assert value in slot.get("options", [value])
            assert slot.get("min", value) <= value <= slot.get("max", value)


def test_it_loads_the_bundled_default(flow: dict[str, Any]) -> None:
    """After new weights: ``make pictures`` names them in every example, and remakes the pictures."""
    named = {node["widgets_values"][0] for node in flow["nodes"] if node["type"] == "RegHarmLoad"}
    assert named == {default_weights().name}


def test_it_runs_on_a_fresh_host(flow: dict[str, Any]) -> None:
    """Nothing that is not bypassed wants a file of the user's: pictures come from Sample Composite."""
    running = {node["type"] for node in flow["nodes"] if node["mode"] == 0}
    assert "RegHarmSample" in running
    assert not {
        kind for kind in running if kind.startswith(("LoadImage", "LoadVideo", "CheckpointLoader", "VAELoader"))
    }
    assert "MarkdownNote" in running


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_has_a_small_thumbnail(path: Path) -> None:
    picture = path.with_suffix(".jpg")
    assert picture.stat().st_size < 100_000
    with Image.open(picture) as image:
        assert image.format == "JPEG" and image.width >= 400


def test_the_blueprint_is_whole() -> None:
    """Hosts since January 2026 (0.9) list what lies in a pack's folder ``subgraphs`` among their own blueprints."""
    (path,) = (PACK / "subgraphs").glob("*.json")
    flow = json.loads(path.read_text(encoding="utf-8"))
    (outer,), (inner,) = flow["nodes"], flow["definitions"]["subgraphs"]
    assert outer["type"] == inner["id"] and outer["title"] == inner["name"] == path.stem == "Load + Harmonize"
    nodes = {node["id"]: node for node in inner["nodes"]}
    for link in inner["links"]:
        source = inner["inputs"] if link["origin_id"] == -10 else nodes[link["origin_id"]]["outputs"]
        target = inner["outputs"] if link["target_id"] == -20 else nodes[link["target_id"]]["inputs"]
        assert source[link["origin_slot"]]["type"] == target[link["target_slot"]]["type"] == link["type"]
    for node_id, widget in outer["properties"]["proxyWidgets"]:
        assert widget in {slot["id"] for slot in SCHEMA[nodes[int(node_id)]["type"]]["inputs"]}
    assert nodes[1]["widgets_values"][0] == default_weights().name
