"""Run every example on a real host and make the thumbnails and the help pages' pictures from what comes out.

    COMFYUI_PATH=... COMFYUI_PYTHON=... python -m tests.host.pictures

The examples are made to name the bundled default weights first, so that after new ones have come this is the only
command to run. The one picture that is not made here is load.jpg, cut from a screenshot.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from pathlib import Path

from PIL import Image, ImageSequence

from regharm_core.pipeline import default_weights
from tests.host.help_pictures import computed
from tests.host.layout import side_by_side, stacked, strips
from tests.host.server import PACK, Server, to_prompt

EXAMPLES, DOCS, SAMPLES = PACK / "example_workflows", PACK / "web" / "docs", PACK / "assets" / "samples"

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
        "harmonize_sample": halves(sample["Before"], sample["After"], 0.36),
        "paste_and_harmonize": strips([paste["Before"], paste["After"]], 0.78),
        "after_inpainting": strips([inpaint["As decoded"], inpaint["Harmonized"]]),
        "strength_sweep": strips([*strengths, sweep["Light only"], sweep["Colour transfer"]], 0.88),
        "where_did_this_colour_come_from": strips([colour["The left side"], colour["The right side"]]),
        "clip": strips(shown["clip"]["Shared"][::2]),
        "segmentation": strips([segments["Mask as it comes"], segments["Mask, contracted and feathered"]]),
    }


def help_pictures(shown: dict[str, Shown]) -> dict[str, Image.Image]:
    """What the help pages show."""
    sample, colour = shown["harmonize_sample"], shown["where_did_this_colour_come_from"]
    asked = [colour[title][0] for title in ("The left side", "The right side", "All of the foreground")]
    samples = []
    for name in ("sunset", "snow", "night", "neon", "studio", "cup", "astronaut", "shuttle", "cutout", "background"):
        picture = Image.open(SAMPLES / f"{name}.png").convert("RGBA")
        samples.append(Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB"))
    masks = [shown["segmentation"][title][0] for title in ("Mask as it comes", "Mask, contracted and feathered")]
    return {
        "harmonize": side_by_side([sample["Before"][0], sample["After"][0]], 300),
        "attention": side_by_side(asked, 220),
        "sample": stacked([side_by_side(samples[:5], 150), side_by_side(samples[5:], 150)]),
        "mask": side_by_side(masks, 300),
        **computed(),
    }


def main() -> None:
    name_default_weights()
    state = Path(tempfile.mkdtemp())
    server = Server(Path(os.environ["COMFYUI_PATH"]), state)
    try:
        server.start()
        shown = {path.stem: run(server, path.stem) for path in sorted(EXAMPLES.glob("*.json"))}
    finally:
        server.stop()
    for folder, made in ((EXAMPLES, thumbnails(shown)), (DOCS, help_pictures(shown))):
        for name, picture in made.items():
            picture.save(folder / f"{name}.jpg", quality=85, optimize=True)
    shutil.rmtree(state)


if __name__ == "__main__":
    main()
