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


def test_import_is_quiet(server: Server) -> None:
    """How quick it is, ``python -m tests.host.import_time`` measures where nothing else runs."""
    log = server.log.read_text(errors="replace")
    assert re.search(rf"[\d.]+ seconds: .*{NAME}", log), log[-2000:]
    assert not re.search(rf"(IMPORT FAILED|Cannot import).*{NAME}", log)


def test_object_info_is_the_promised_schema(server: Server) -> None:
    info = server.get("/object_info")
    for name, promised in NODES.items():
        if name == "RegHarmLayers" and "AddLayer" not in info:
            assert name not in info
            continue
        served = info[name]
        for group, optional in (("required", False), ("optional", True)):
            wanted = [slot["id"] for slot in promised["inputs"] if slot.get("optional", False) == optional]
            assert list(served["input"].get(group, {})) == wanted
            assert all(entry[1]["tooltip"] for entry in served["input"].get(group, {}).values())
        assert served["output"] == [slot["type"] for slot in promised["outputs"]]
        assert all(served["output_tooltips"] or []) and served["description"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_runs(server: Server, name: str) -> None:
    flow = json.loads((PACK / "example_workflows" / f"{name}.json").read_text(encoding="utf-8"))
    info = server.get("/object_info")
    wanted = {n["type"] for n in flow["nodes"] if n["type"] != "MarkdownNote" and n["mode"] == 0}
    if lacking := sorted(wanted - info.keys()):
        pytest.skip(f"this ComfyUI has no {', '.join(lacking)}")
    shown = server.run(to_prompt(flow, info))
    shows = ("PreviewImage", "MaskPreview", "SaveAnimatedWEBP")
    previews = [n["id"] for n in flow["nodes"] if n["type"] in shows]
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


def test_cancel_is_heard_within_three_images_and_the_next_prompt_runs(server: Server) -> None:
    """Counted in work, not by the clock, so that a busy machine changes nothing."""
    before = server.processor_seconds()
    server.run(graph(frames=6, strength=0.9))
    one = (server.processor_seconds() - before) / 6
    started = server.processor_seconds()
    running = server.queue(graph(frames=60, strength=0.8))
    while server.processor_seconds() - started < 3 * one:
        time.sleep(0.02)
    pressed = server.processor_seconds()
    server.raw("/interrupt", {})
    entry = server.wait(running)
    work = server.processor_seconds() - pressed
    assert "execution_interrupted" in events(entry)
    assert not work > 3 * one, (work, one)  # where the system does not tell, both are infinite: only that it was heard
    server.run(graph(strength=0.7))


def test_the_status_line_comes_with_the_result_and_from_the_cache(server: Server) -> None:
    prompt = graph(strength=0.85)
    first = server.run(prompt)["4"]
    assert first["text"][0].startswith("1 image, 46 % of it foreground: ") and not first["caution"]
    if server.get("/object_info/RegHarmHarmonize")["RegHarmHarmonize"].get("has_intermediate_output"):
        assert server.run(prompt)["4"] == first  # nothing was computed
    prompt["4"]["inputs"]["invert_mask"] = True
    inverted = server.run(prompt)["4"]
    assert "looks inverted" in inverted["caution"][0]
    assert server.run(graph(strength=0.85))["4"] == first


MASKS = {
    # what is odd: the mask's nodes, Harmonize's settings, and what the node has to say
    "inverted though it is right": ({}, {"invert_mask": True}, "looks inverted"),
    "more than nine tenths": (
        {"20": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 600, "height": 380}}}
        | {"21": {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": 600, "height": 400}}}
        | {
            "22": {
                "class_type": "MaskComposite",
                "inputs": {"destination": ["21", 0], "source": ["20", 0], "x": 0, "y": 0, "operation": "add"},
            }
        },
        {"mask": ["22", 0]},
        "covers more than nine tenths",
    ),
    "a black blend mask": (
        {"20": {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": 600, "height": 400}}},
        {"blend_mask": ["20", 0]},
        "blend mask is black over all of the foreground",
    ),
}


@pytest.mark.parametrize("odd", MASKS)
def test_an_odd_mask_is_said_on_the_node(server: Server, odd: str) -> None:
    nodes, settings, said = MASKS[odd]
    prompt = graph() | nodes
    prompt["4"]["inputs"] |= settings
    assert said in " ".join(server.run(prompt)["4"]["caution"])


def test_four_frames_and_three_masks(server: Server) -> None:
    prompt = graph(frames=4)
    prompt["20"] = {"class_type": "MaskToImage", "inputs": {"mask": ["1", 1]}}
    prompt["21"] = {"class_type": "RepeatImageBatch", "inputs": {"image": ["20", 0], "amount": 3}}
    prompt["22"] = {"class_type": "ImageToMask", "inputs": {"image": ["21", 0], "channel": "red"}}
    prompt["4"]["inputs"]["mask"] = ["22", 0]
    assert server.run(prompt)["4"]["caution"] == ["4 images, 3 masks: the last mask was repeated"]


def test_a_cut_out_whose_mask_is_the_wrong_way_round(server: Server) -> None:
    """Sample Composite's mask is white on the object, Load Image's white where it is transparent."""
    prompt = {
        "1": {"class_type": "RegHarmSample", "inputs": {"sample": "background"}},
        "2": {"class_type": "RegHarmSample", "inputs": {"sample": "cutout"}},
        "3": {"class_type": "SplitImageWithAlpha", "inputs": {"image": ["2", 0]}},
        "4": {
            "class_type": "RegHarmPaste",
            "inputs": {"background": ["1", 0], "cutout": ["3", 0], "cutout_mask": ["2", 1], "x": 100, "y": 50}
            | {"scale": 1.0, "rotation": 0.0, "anchor": "top left"},
        },
        "5": {"class_type": "PreviewImage", "inputs": {"images": ["4", 0]}},
    }
    assert "looks inverted" in server.run(prompt)["4"]["caution"][0]
    prompt["4"]["inputs"]["invert_mask"] = True
    assert not server.run(prompt)["4"]["caution"]


def test_paste_correct_and_save(server: Server) -> None:
    prompt = graph()
    prompt |= {
        "10": {"class_type": "RegHarmSample", "inputs": {"sample": "background"}},
        "11": {"class_type": "RegHarmSample", "inputs": {"sample": "cutout"}},
        "12": {
            "class_type": "RegHarmPaste",
            "inputs": {"background": ["10", 0], "cutout": ["11", 0], "x": 470, "y": 372, "scale": 0.8}
            | {"rotation": 8.0, "anchor": "bottom", "cutout_mask": ["11", 1], "invert_mask": True, "defringe": 2},
        },
        "13": {
            "class_type": "RegHarmApply",
            "inputs": {"correction": ["4", 2], "image": ["1", 0], "mask": ["1", 1], "strength": 1.0}
            | {"change": "regional"},
        },
        "14": {"class_type": "PreviewImage", "inputs": {"images": ["13", 0]}},
        "15": {
            "class_type": "RegHarmSaveCorrection",
            "inputs": {"correction": ["4", 2], "filename_prefix": "looks/cup"},
        },
    }
    prompt["4"]["inputs"] |= {"image": ["12", 0], "mask": ["12", 1]}
    shown = server.run(prompt)
    assert shown["12"]["text"][0].startswith("1 image, cut-out 109 x 240 px") and not shown["12"]["caution"]
    assert shown["13"]["text"] and shown["15"]["text"][0].startswith("saved output/looks/cup_00001_.cube")
    table = (server.state / "output" / "looks" / "cup_00001_.cube").read_text()
    assert "LUT_3D_SIZE 33" in table and not (server.state / "output" / "looks" / "cup_00002_.cube").exists()
    prompt["15"]["inputs"]["filename_prefix"] = "../../beyond"
    assert "execution_error" in events(server.wait(server.queue(prompt)))


def test_layers_in_layers_out(server: Server) -> None:
    info = server.get("/object_info")
    if "AddLayer" not in info:
        assert "RegHarmLayers" not in info
        pytest.skip("this ComfyUI has no layers")
    prompt = {
        "1": {"class_type": "RegHarmSample", "inputs": {"sample": "background"}},
        "2": {"class_type": "RegHarmSample", "inputs": {"sample": "cutout"}},
        "3": {"class_type": "InvertMask", "inputs": {"mask": ["2", 1]}},
        "4": {"class_type": "AddLayer", "inputs": {"image": ["1", 0], "name": "table"}},
        "5": {"class_type": "AddLayer", "inputs": {"layers": ["4", 0], "image": ["1", 0], "name": "shade"}
              | {"blend_mode": "multiply", "opacity": 0.4}},
        "6": {"class_type": "AddLayer", "inputs": {"layers": ["5", 0], "image": ["2", 0], "mask": ["3", 0]}
              | {"name": "shuttle", "x": 300, "y": 40, "rotation": 12.0, "opacity": 0.9}},
        "7": {"class_type": "RegHarmLoad", "inputs": {"weights": WEIGHTS, "precision": "auto"}},
        "8": {"class_type": "RegHarmLayers", "inputs": {"harmonizer": ["7", 0], "layers": ["6", 0], "strength": 1.0}},
        "9": {"class_type": "ImageCompositor", "inputs": {"layers": ["8", 0], "compositor": None}},
        "10": {"class_type": "ImageCompositor", "inputs": {"layers": ["6", 0], "compositor": None}},
    }  # fmt: skip
    shown = server.run(prompt)
    assert shown["8"]["text"][0] == "3 layers, 1 harmonized:" and shown["8"]["text"][1].startswith("'shuttle' ")
    assert shown["8"]["caution"] == ["'shade' is laid down with multiply and stays as it is: it is light, not a thing"]
    after, before = (opened(server.picture(shown[n]["images"][0])) for n in ("9", "10"))
    changed = (after != before).any(-1)
    assert 0.02 < changed.mean() < 0.2 and not changed[:, :280].any()  # the shuttle, and nothing else


def test_an_empty_mask_returns_the_image(server: Server) -> None:
    prompt = graph()
    prompt["9"] = {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": 64, "height": 64}}
    prompt["4"]["inputs"]["mask"] = ["9", 0]
    prompt["6"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
    shown = server.run(prompt)
    after, before = (opened(server.picture(shown[n]["images"][0])) for n in ("5", "6"))
    assert np.array_equal(after, before)
    assert shown["4"]["caution"] == ["the mask is empty: image returned unchanged"] and not shown["4"]["text"]


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


def test_the_blueprint_is_listed(server: Server) -> None:
    try:
        listed = server.get("/global_subgraphs")
    except AssertionError:
        pytest.skip("this ComfyUI has no blueprints")
    (key,) = (key for key, entry in listed.items() if entry["name"] == "Load + Harmonize")
    assert listed[key]["info"]["node_pack"] == f"custom_nodes.{NAME}"
    flow = json.loads(server.get(f"/global_subgraphs/{key}")["data"])
    assert flow["definitions"]["subgraphs"][0]["name"] == "Load + Harmonize"


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
