"""Quality on folders of pairs: composite, classical methods and our weights, in one run on the same images.

    python -m benchmarks.quality PAIRS_FOLDER [--weights W ...] [--sheets FOLDER]

PAIRS_FOLDER holds one folder of pairs (real/, composite/, mask/) a kind. Writes quality.md beside this
file, and sheets of the best, median and worst results where asked (they show the pairs' photographs).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from regharm_core import harmonize, load_harmonizer
from regharm_core.pipeline import DEFAULT_WEIGHTS, WEIGHTS_FOLDER
from regharm_core.store.files import replacing
from regharm_core.training.measuring.metrics import Score, mean_score, score
from regharm_core.training.measuring.pairs import Pair, read_pairs

from .classical import METHODS, Method

TILE = 224  # px, the height of a picture on a sheet


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--weights", type=Path, nargs="*")
    parser.add_argument("--sheets", type=Path)
    options = parser.parse_args()
    bundled = [WEIGHTS_FOLDER / name for name in DEFAULT_WEIGHTS if (WEIGHTS_FOLDER / name).is_file()]
    methods = dict(METHODS)
    for path in options.weights or bundled:
        methods[path.stem] = _network(path)
    last = list(methods)[-1]
    lines = [HEAD]
    for folder in sorted(p for p in options.pairs.iterdir() if (p / "composite").is_dir()):
        for size in (256, None):
            table, rows = measure(folder, size, methods)
            lines.append(section(folder.name, size, table))
            print(lines[-1])
            if options.sheets is not None and size is None:
                options.sheets.mkdir(parents=True, exist_ok=True)
                sheet(rows, last).save(options.sheets / f"{folder.name}.png")
        lines.append(harm(folder, methods[last]))
        print(lines[-1])
    with replacing(Path(__file__).with_suffix(".md")) as temporary:
        temporary.write_text("\n".join(lines))


HEAD = """# Quality

Made by `python -m benchmarks.quality PAIRS_FOLDER`. PSNR in dB, MSE and foreground MSE on 8-bit values, means over
images, as iHarmony4's papers compute them; "left" is fMSE in percent of the bare composite's. 256: pairs resized to
256 x 256 first; own size: short side up to 288 px.
"""


def _network(path: Path) -> Method:
    model = load_harmonizer(path)

    def run(image: Tensor, mask: Tensor) -> Tensor:
        return harmonize(model, image[None], mask[None])[0]

    return run


def measure(folder: Path, size: int | None, methods: dict[str, Method]) -> tuple[dict[str, Score], list[tuple]]:
    """Mean scores by method, and for sheets (fMSE left of the last method, pair, its result)."""
    scores: dict[str, list[Score]] = {name: [] for name in methods}
    rows: list[tuple[float, Pair, Tensor]] = []
    for pair in read_pairs(folder, size=size):
        answer = pair.composite
        for name, method in methods.items():
            answer = method(pair.composite, pair.mask)
            scores[name].append(score(answer, pair.real, pair.mask))
        first, final = scores["composite"][-1], list(scores.values())[-1][-1]
        rows.append((final.fmse / max(first.fmse, 1e-9), pair, answer))
    return {name: mean_score(s) for name, s in scores.items()}, rows


def section(name: str, size: int | None, table: dict[str, Score]) -> str:
    """One Markdown table."""
    base = table["composite"].fmse
    lines = [f"\n## {name}, {'own size' if size is None else size}\n", "| method | PSNR | MSE | fMSE | left |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for method, s in table.items():
        lines.append(f"| {method} | {s.psnr:.2f} | {s.mse:.1f} | {s.fmse:.1f} | {100 * s.fmse / base:.1f} % |")
    return "\n".join(lines)


def harm(folder: Path, method: Method) -> str:
    """What the method does to pictures that need nothing: the real image as its own composite."""
    kept = [score(method(p.real, p.mask), p.real, p.mask).psnr for p in read_pairs(folder, size=256)]
    mean = sum(kept) / len(kept)
    return f"\nThe real pictures given as composites come back at {mean:.2f} dB of themselves on average (256)."


def sheet(rows: list[tuple[float, Pair, Tensor]], title: str) -> Image.Image:
    """Ten best, ten median and ten worst: before, after, truth."""
    rows = sorted(rows, key=lambda row: row[0])
    count = min(10, len(rows) // 3)
    middle = (len(rows) - count) // 2
    groups = (rows[:count], rows[middle : middle + count], rows[-count:])
    width = 3 * TILE * 3 // 2
    page = Image.new("RGB", (len(groups) * (width + 12), (count or 1) * (TILE + 14)), "white")
    draw = ImageDraw.Draw(page)
    for column, (name, group) in enumerate(zip(("best", "median", "worst"), groups, strict=True)):
        for line, (left, pair, answer) in enumerate(group):
            x, y = column * (width + 12), line * (TILE + 14)
            draw.text((x, y), f"{title}, {name}: {pair.name}, {100 * left:.0f} % left", fill="black")
            for picture in (pair.composite, answer, pair.real):
                values = (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
                tile = Image.fromarray(values)
                tile.thumbnail((TILE * 3 // 2 - 2, TILE))
                page.paste(tile, (x, y + 12))
                x += TILE * 3 // 2
    return page


if __name__ == "__main__":
    main()
