"""The pack in a real ComfyUI: what it announces, what it serves, and that every example runs."""

from __future__ import annotations

import io
import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.host.server import NAME, PACK, Server, events, to_prompt

EXAMPLES = sorted(path.stem for path in (PACK / "example_workflows").glob("*.json"))
NODES: dict[str, Any] = json.loads((PACK / "tests" / "nodes" / "schema.json").read_text(encoding="utf-8"))
WEIGHTS = "regharm-lite.safetensors"


def graph(*, frames: int = 1, **settings: Any) -> dict[str, Any]:
    """Sample, Load, Harmonize and a preview, in API format."""
    return {
        "1": {"class_type": "RegHarmSample", "inputs": {"sample": "cup"}},
        "2": {"class_type": "RepeatImageBatch", "inputs": {"image": ["1", 0], "amount": frames}},
        "3": {"class_type": "RegHarmLoad", "inputs": {"weights": WEIGHTS, "precision": "auto"}},
        "4": {
            "class_type": "RegHarmHarmonize",
            "inputs": {"harmonizer": ["3", 0], "image": ["2", 0], "mask": ["1", 1], "strength": 1.0, **settings},
        },
        "5": {"class_type": "PreviewImage", "inputs": {"images": ["4", 0]}},
    }


def opened(data: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_import_is_quick_and_quiet(server: Server) -> None:
    log = server.log.read_text(errors="replace")
    found = re.search(rf"([\d.]+) seconds: .*{NAME}", log)
    assert found, log[-2000:]
    assert float(found[1]) < 1.0  # 0.3 s where nothing else runs; docs/support.md says what was measured


def test_object_info_is_the_promised_schema(server: Server) -> None:
    info = server.get("/object_info")
    for name, promised in NODES.items():
        served = info[name]
        for group, optional in (("required", False), ("optional", True)):
            wanted = [slot["id"] for slot in promised["inputs"] if slot.get("optional", False) == optional]
            assert list(served["input"].get(group, {})) == wanted
            assert all(entry[1]["tooltip"] for entry in served["input"].get(group, {}).values())
        assert served["output"] == [slot["type"] for slot in promised["outputs"]]
        assert all(served["output_tooltips"]) and served["description"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_runs(server: Server, name: str) -> None:
    flow = json.loads((PACK / "example_workflows" / f"{name}.json").read_text(encoding="utf-8"))
    info = server.get("/object_info")
    wanted = {n["type"] for n in flow["nodes"] if n["type"] != "MarkdownNote" and n["mode"] == 0}
    if lacking := sorted(wanted - info.keys()):
        pytest.skip(f"this ComfyUI has no {', '.join(lacking)}")
    shown = server.run(to_prompt(flow, info))
    previews = [n["id"] for n in flow["nodes"] if n["type"] in ("PreviewImage", "MaskPreview")]
    assert previews and all(shown[str(n)]["images"] for n in previews)


def test_background_is_bit_identical_and_foreground_is_not(server: Server) -> None:
    prompt = graph()
    prompt["6"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    prompt["7"] = {"class_type": "MaskToImage", "inputs": {"mask": ["4", 1]}}
    prompt["8"] = {"class_type": "PreviewImage", "inputs": {"images": ["7", 0]}}
    shown = server.run(prompt)
    after, before, mask = (opened(server.picture(shown[n]["images"][0])) for n in ("5", "6", "8"))
    # the mask's own preview is 8-bit: its soft rim, which may round to black, is left out
    rim = np.asarray(Image.open(PACK / "assets" / "samples" / "cup_mask.png").convert("L"))
    outside = (mask[..., 0] == 0) & (rim == 0)
    assert outside.mean() > 0.3
    assert np.array_equal(after[outside], before[outside])
    assert not np.array_equal(after[rim == 255], before[rim == 255])


def test_cancel_is_heard_within_a_second_and_the_next_prompt_runs(server: Server) -> None:
    server.run(graph(strength=0.9))
    running = server.queue(graph(frames=60, strength=0.8))
    time.sleep(3)
    pressed, used = time.monotonic(), server.processor_seconds()
    server.raw("/interrupt", {})
    entry = server.wait(running)
    heard, work = time.monotonic() - pressed, server.processor_seconds() - used
    assert "execution_interrupted" in events(entry)
    assert heard < 1 or work < 1, (heard, work)  # a busy machine stretches the clock, not the work
    server.run(graph(strength=0.7))


def test_an_empty_mask_returns_the_image(server: Server) -> None:
    prompt = graph()
    prompt["9"] = {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": 64, "height": 64}}
    prompt["4"]["inputs"]["mask"] = ["9", 0]
    prompt["6"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    shown = server.run(prompt)
    after, before = (opened(server.picture(shown[n]["images"][0])) for n in ("5", "6"))
    assert np.array_equal(after, before)
    assert "the mask is empty" in server.log.read_text(errors="replace")


def test_broken_weights_are_a_clear_error(server: Server) -> None:
    path = server.state / "models" / "harmonizers" / "broken.safetensors"
    path.write_bytes(b"no weights at all")
    prompt = graph()
    prompt["3"]["inputs"]["weights"] = path.name
    entry = server.wait(server.queue(prompt))
    assert "execution_error" in events(entry)
    assert "broken.safetensors" in json.dumps(entry["status"])


def test_help_pages_and_their_pictures(server: Server) -> None:
    for name in NODES:
        page = server.raw(f"/extensions/{NAME}/docs/{name}.md").decode()
        assert page.startswith("# ")
        for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page):
            Image.open(io.BytesIO(server.raw(f"/extensions/{NAME}/docs/{picture}"))).verify()


def test_languages(server: Server) -> None:
    served = server.get("/i18n")
    for folder in (PACK / "locales").iterdir():
        words = served[folder.name]["nodeDefs"]
        assert set(NODES) <= set(words)


def test_templates_are_listed_with_thumbnails(server: Server) -> None:
    listed = server.get("/workflow_templates")[NAME]
    assert sorted(listed) == EXAMPLES and len(EXAMPLES) == 7
    for name in EXAMPLES:
        json.loads(server.raw(f"/api/workflow_templates/{NAME}/{name}.json"))
        data = server.raw(f"/api/workflow_templates/{NAME}/{name}.jpg")
        assert Image.open(io.BytesIO(data)).format == "JPEG"


def test_examples_use_core_nodes_and_ours(server: Server) -> None:
    info = server.get("/object_info")
    for name in EXAMPLES:
        flow = json.loads(Path(PACK / "example_workflows" / f"{name}.json").read_text(encoding="utf-8"))
        for node in flow["nodes"]:
            kind = node["type"]
            if kind not in info:  # a note, or a core node newer than this host
                continue
            core = info[kind]["python_module"].startswith(("nodes", "comfy_extras"))
            assert core or kind in NODES, f"{name} uses {kind}"
