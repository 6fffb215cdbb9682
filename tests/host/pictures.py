"""Make every picture that shows what the weights do, after new ones have come. This one command is all:

    make pictures        or        python -m tests.host.pictures

It makes the README's picture and the help pages' pictures, and lets every example name the bundled default weights.
Where COMFYUI_PATH and COMFYUI_PYTHON name a ComfyUI, it also runs every example there, and makes the examples'
thumbnails from what comes out. The one picture that is not made is load.jpg, cut from a screenshot.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageSequence

from regharm_core.pipeline import default_weights
from scripts.demo import SHEET, make_sheet
from tests.host.help_pictures import help_pictures
from tests.host.layout import strips
from tests.host.server import PACK, Server, to_prompt

EXAMPLES, DOCS = PACK / "example_workflows", PACK / "web" / "docs"

Shown = dict[str, list[Image.Image]]


def name_default_weights() -> None:
    """Let every example and the blueprint load what Load Harmonizer lists first."""
    for path in [*EXAMPLES.glob("*.json"), *(PACK / "subgraphs").glob("*.json")]:
        flow = json.loads(path.read_text(encoding="utf-8"))
        inner = [node for graph in flow.get("definitions", {}).get("subgraphs", []) for node in graph["nodes"]]
        for node in [*flow["nodes"], *inner]:
            if node["type"] == "RegHarmLoad":
                node["widgets_values"][0] = default_weights().name
        path.write_text(json.dumps(flow, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def run(server: Server, name: str) -> Shown:
    """The pictures of an example's previews, by title; of what plays, its frames."""
    flow = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    outputs = server.run(to_prompt(flow, server.get("/object_info")))
    titles = {str(node["id"]): node.get("title", node["type"]) for node in flow["nodes"]}
    made: Shown = {}
    for node, shown in outputs.items():
        files = [Image.open(io.BytesIO(server.picture(i))) for i in shown.get("images", [])]
        if files:
            made[titles[node]] = [frame.convert("RGB") for file in files for frame in ImageSequence.Iterator(file)]
    return made


def halves(before: Image.Image, after: Image.Image, at: float) -> Image.Image:
    """One picture, before to the left of a white line and after to its right."""
    picture, line = after.copy(), round(after.width * at)
    picture.paste(before.crop((0, 0, line, before.height)), (0, 0))
    picture.paste("white", (line - 1, 0, line + 1, before.height))
    return strips([picture], at)


def thumbnails(shown: dict[str, Shown]) -> dict[str, Image.Image]:
    """What the template browser shows for each example."""
    one = {name: {title: pictures[0] for title, pictures in runs.items()} for name, runs in shown.items()}
    sample, paste = one["harmonize_sample"], one["paste_and_harmonize"]
    inpaint, sweep = one["after_inpainting"], one["strength_sweep"]
    colour, segments = one["where_did_this_colour_come_from"], one["segmentation"]
    strengths = [sweep[f"Strength {s}"] for s in ("0.5", "1", "1.5")]
    return {
        "harmonize_sample": halves(sample["Before"], sample["After"], 0.505),
        "paste_and_harmonize": strips([paste["Before"], paste["After"]], 0.78),
        "after_inpainting": strips([inpaint["As decoded"], inpaint["Harmonized"]], 0.5),
        "strength_sweep": strips([*strengths, sweep["Light only"], sweep["Transfer Color"]], 0.88),
        "where_did_this_colour_come_from": strips([colour["The left side"], colour["The right side"]], 0.27, 0.65),
        "clip": strips(shown["clip"]["Shared"][::2], 0.11, 0.42, 0.74),
        "segmentation": strips(
            [segments[f"With the mask {w}"] for w in ("too large", "contracted and feathered")], 0.49
        ),
    }


def examples_run() -> dict[str, Shown]:
    """What every example shows on a real host."""
    state = Path(tempfile.mkdtemp())
    server = Server(Path(os.environ["COMFYUI_PATH"]), state)
    try:
        server.start()
        return {path.stem: run(server, path.stem) for path in sorted(EXAMPLES.glob("*.json"))}
    finally:
        server.stop()
        shutil.rmtree(state, ignore_errors=True)


def main() -> None:
    name_default_weights()
    if make_sheet():
        raise SystemExit("the README's picture was not made")
    made = {PACK / "assets" / "before_after.jpg": Image.open(SHEET)}
    made |= {DOCS / f"{name}.jpg": picture for name, picture in help_pictures().items()}
    if os.environ.get("COMFYUI_PATH"):
        made |= {EXAMPLES / f"{name}.jpg": picture for name, picture in thumbnails(examples_run()).items()}
    else:
        sys.stdout.write("COMFYUI_PATH is not set: the examples' thumbnails stay as they are\n")
    for path, picture in made.items():
        picture.save(path, quality=85, optimize=True)
        sys.stdout.write(f"{path.relative_to(PACK)}\n")


if __name__ == "__main__":
    main()
