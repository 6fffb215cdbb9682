"""Where gates and extra convolutions may sit: layouts that keep the paper's four parameter counts within 1 %.

    python -m benchmarks.layout [--recipe recipes/lite-2.json] [--out FOLDER]

For each layout, and for the bundled network's, which has fewer parameters: how far Table 5's counts are missed at most,
operations and CPU milliseconds (one thread) of a pass at width 16 and a view of 128 px, and what equal short trainings
of each left of the composites' foreground MSE (``benchmarks.choices``). Writes layout.md. With --out, the recipe is
written once a layout, alike but for the layout, to be trained longer by ``python -m regharm_core train``.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import torch

from regharm_core import HarmonizerConfig, HarmonizerNet, parameter_count
from regharm_core.network.folding import fold_norms
from regharm_core.store.files import replacing

from .arithmetic import network_work
from .discs import scene
from .full_resolution import kept

TABLE_5 = {32: 9.48e6, 64: 37.81e6, 96: 72.39e6, 128: 117.42e6}
LAYOUTS = {
    "gates": HarmonizerConfig(),
    "middle": HarmonizerConfig(gated=False, refine=(2, 4, 3, 4)),
    "middle-coarse": HarmonizerConfig(gated=False, refine=(2, 4, 4, 0)),
    "deep": HarmonizerConfig(gated=False, refine=(3, 1, 0, 1)),
}
BUNDLED = HarmonizerConfig(gated=False, refine=(1, 1, 1, 0))
CHOICES = Path(__file__).with_name("choices")
HEAD = """# Where gates and extra convolutions sit

Made by `python -m benchmarks.layout`. The paper gives four parameter counts (Table 5) and no list of layers; these
layouts but the bundled one meet all four within 1 %. "Left": foreground MSE in percent of the composites', mean over
the kinds of pairs, after 11,200 composites at 64 px from nothing (`choices.md`, where seeds alone differ by some
percent).

| layout | gates | extra convolutions by level | counts off by at most | M operations | CPU ms | left |
| --- | --- | --- | ---: | ---: | ---: | ---: |"""


def left(name: str) -> str:
    """A layout's figure from the comparison of short trainings."""
    path = CHOICES / ("base.json" if name == "bundled" else f"layout-{name}.json")
    if not path.is_file():
        return "not trained"
    kinds = json.loads(path.read_text())["left"].values()
    return f"{sum(kind['left'] for kind in kinds) / len(kinds):.1f} %"


def milliseconds(config: HarmonizerConfig, rounds: int) -> tuple[float, float]:
    """Least CPU time of a pass, folded and channels last, and its millions of operations."""
    net = fold_norms(HarmonizerNet(config).eval()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image, mask = scene(config.view, 1)
    spent: list[float] = []
    with torch.inference_mode():
        for _ in range(rounds):
            began = time.process_time()
            net(image, mask)
            spent.append(1000 * (time.process_time() - began))
    return min(spent), network_work(net, image, mask).operations / 1e6


def main() -> None:
    """Count, time, and write the report and the recipes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=Path("recipes/lite-2.json"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = [HEAD]
    for name, layout in (LAYOUTS | {"bundled": BUNDLED}).items():
        off = max(abs(parameter_count(replace(layout, width=w)) / n - 1) for w, n in TABLE_5.items())
        small = replace(layout, width=16, view=128)
        spent, operations = milliseconds(small, options.rounds)
        gates = "yes" if layout.gated else "no"
        cells = [name, gates, str(layout.refine), f"{100 * off:.2f} %", f"{operations:.0f}", f"{spent:.1f}", left(name)]
        lines.append("| " + " | ".join(cells) + " |")
        if options.out is not None:
            recipe = json.loads(options.recipe.read_text(encoding="utf-8"))
            recipe.pop("start", None)
            recipe |= {"model": small.to_dict(), "out": str(options.out / name), "threads": 1}
            recipe |= {"seconds": None, "steps": options.steps}
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / f"{name}.json").write_text(json.dumps(recipe, indent=1) + "\n", encoding="utf-8")
    path = Path(__file__).with_suffix(".md")
    text = "\n".join(lines) + "\n" + kept(path)
    print(text)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
