"""The paper's tables beside ours, from the results that are there: ../paper.md and gains.png.

    python -m benchmarks.paper.report [--results FOLDER]

FOLDER holds results of one set of conditions (``python -m regharm_core tables``); the one with the most where none is
named. Nothing is measured here but parameters; memory.json comes from ``benchmarks.memory``, regions.json from
``benchmarks.paper.regions``, even.json from ``benchmarks.paper.even``, the pictures from ``benchmarks.paper.figures``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from regharm_core.errors import InputError
from regharm_core.network.build import parameter_count
from regharm_core.store.files import replacing
from regharm_core.training.tables.claims import CLAIMS, Difference, Scores, judge
from regharm_core.training.tables.results import METRICS, overall, read_results
from regharm_core.training.tables.rows import LINES, NETWORKS, PROBES, Line

from . import words

HERE = Path(__file__).resolve().parent


def spread(results: Sequence[dict[str, Any]], metric: str) -> str:
    """Mean over seeds and, in brackets, the distance between the largest and the smallest."""
    values = [overall(result, metric) for result in results]
    digits = 2 if metric != "fmse" else 1
    text = f"{sum(values) / len(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ({max(values) - min(values):.{digits}f})"


def quality(table: int, results: Sequence[dict[str, Any]], scores: Scores) -> list[str]:
    """Quality of a table's rows, the paper's and ours."""
    lines = ["| row | paper: PSNR, MSE, fMSE | over RBase | ours: PSNR, MSE, fMSE (spread) | over RBase | seeds |"]
    lines += ["| --- | --- | ---: | --- | ---: | ---: |"]
    base = next(line.printed.psnr for line in LINES if line.network == "rbase")
    for line in _lines(table):
        own = [result for result in results if result["network"] == line.network]
        ours = ", ".join(spread(own, metric) for metric in METRICS) if own else "not yet trained"
        difference = scores.difference(line.network, "rbase")
        gain = _number(difference, 2) if line.network != "rbase" else ""
        paper = f"{line.printed.psnr:.2f}, {line.printed.mse:.2f}, {line.printed.fmse:.2f}"
        over = f"{line.printed.psnr - base:+.2f}" if line.network != "rbase" else ""
        lines.append(f"| {line.label} | {paper} | {over} | {ours} | {gain} | {len(own)} |")
    return lines


def _lines(table: int) -> list[Line]:
    """A table's rows; LTL at 32 px comes into Table 2 from Table 3."""
    lines: list[Line] = []
    for line in (one for one in LINES if one.table == table):
        if table == 2 and line.network == "ltl-all":
            other = next(one for one in LINES if one.network == "ltl-32")
            lines.append(Line(2, "RBase + LTL, 32x32 only (of Table 3)", "ltl-32", other.printed))
        lines.append(line)
    return lines


def memory_table(memory: dict[str, Any] | None) -> list[str]:
    """Memory of Tables 3 and 4."""
    if memory is None:
        return ["not yet measured"]
    lines = ["| table | row | paper, MB | ours alone | ours in the network |", "| ---: | --- | ---: | ---: | ---: |"]
    below = True
    for line in LINES:
        if line.memory is not None:
            ours = memory["rows"][line.network]
            below = below and max(ours.values()) < line.memory
            cells = f"{line.memory} | {ours['alone']:.0f} | {ours['in_network']:.0f}"
            lines.append(f"| {line.table} | {line.label} | {cells} |")
    return [*lines, "", f"Below the paper's in every row: {'yes' if below else 'no'}."]


def parameter_table() -> list[str]:
    """Parameters of Table 5."""
    lines = ["| width | paper, M | ours, M | difference |", "| --- | ---: | ---: | ---: |"]
    for line in LINES:
        if line.parameters is not None:
            ours = parameter_count(NETWORKS[line.network]) / 1e6
            away = 100 * (ours / line.parameters - 1)
            lines.append(f"| {line.label} | {line.parameters} | {ours:.2f} | {away:+.2f} % |")
    return lines


def by_kind(results: Sequence[dict[str, Any]]) -> dict[str, Scores]:
    """The scores on each kind of composites alone."""
    kinds = sorted({kind for result in results for kind in result["kinds"]})
    return {k: Scores([r | {"kinds": {k: r["kinds"][k]}} for r in results if k in r["kinds"]]) for k in kinds}


def claims_table(scores: Scores, kinds: dict[str, Scores]) -> list[str]:
    """Every claim with what the results say of it, on all pairs and on each kind of them."""
    lines = [f"| claim | verdict | difference, dB | against | seeds | {' | '.join(kinds)} |"]
    lines += [f"| --- | --- | ---: | --- | ---: |{' ---: |' * len(kinds)}"]
    for finding in (judge(claim, scores) for claim in CLAIMS):
        rival, better = finding.rival, finding.claim.better
        each = " | ".join(_number(one.difference(better, rival), 2) for one in kinds.values())
        number, seeds = _number(finding.difference), finding.difference.seeds
        lines.append(f"| {finding.claim.text} | {finding.verdict} | {number} | {rival} | {seeds} | {each} |")
    return lines


def _number(difference: Difference, digits: int = 3) -> str:
    """With its margin where that is known; nothing where no seed is shared."""
    if not difference.seeds:
        return ""
    margin = "" if difference.margin is None else f" ± {difference.margin:.{digits}f}"
    return f"{difference.mean:+.{digits}f}{margin}"


def regions_table(regions: dict[str, Any] | None) -> list[str]:
    """Shares of attention against shares of area."""
    if regions is None:
        return ["not yet measured"]
    lines = ["| question: network, layer | photographs | share | by area | ratio (95 %) | larger in | width | so |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"]
    for name, row in regions["rows"].items():
        low, high = row["interval"]
        cells = f"{row['share']:.3f} | {row['by_area']:.3f} | {row['ratio']:.2f} ({low:.2f} to {high:.2f})"
        more = f"{100 * row['larger_in']:.0f} % | {100 * row['width']:.0f} %"
        so = "drawn to it" if low > 1 else "drawn away" if high < 1 else "not told apart from area"
        lines.append(f"| {name} | {row['photographs']} | {cells} | {more} | {so} |")
    return [*lines, "", f"Weights: `{regions['weights']}`, {regions['size']} px, whole pictures."]


def probes_table(scores: Scores, results: Sequence[dict[str, Any]]) -> list[str]:
    """What was asked beyond the paper's rows, beside the row that it varies."""
    lines = ["| probe | ours: PSNR, MSE, fMSE (spread) | of the row | difference, dB | seeds |"]
    lines += ["| --- | --- | --- | ---: | ---: |"]
    for name in PROBES:
        own = [result for result in results if result["network"] == name]
        row = max((n for n in NETWORKS if name.startswith(n)), key=len)
        values = ", ".join(spread(own, metric) for metric in METRICS) if own else "not yet trained"
        gain = _number(scores.difference(name, row), 2)
        lines.append(f"| {name} | {values} | {row} | {gain} | {len(own)} |")
    return lines


def even_table(even: dict[str, Any] | None) -> list[str]:
    """What trained attention is worth."""
    if even is None:
        return ["not yet measured"]
    lines = [
        "| weights | pairs | attention made equal in | PSNR | change, dB (95 %) | worse in | looks at | untrained |"
    ]
    lines += ["| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for row in even.values():
        low, high = row["interval"]
        widths = ("" if row[key] is None else f"{100 * row[key]:.0f} %" for key in ("width", "first"))
        change = "" if row["even"] == "as trained" else f"{row['psnr']:+.2f} ({low:+.2f} to {high:+.2f})"
        worse = "" if row["even"] == "as trained" else f"{100 * row['worse_in']:.0f} %"
        where = "no layer: as trained" if row["even"] == "as trained" else row["even"]
        pairs = f"{row['pairs']} of {row['size']} px"
        lines.append(
            f"| {row['weights']} | {pairs} | {where} | {row['mean']:.2f} | {change} | {worse} | {' | '.join(widths)} |"
        )
    return lines


def gains(results: Sequence[dict[str, Any]]) -> str:
    """What the gains of the self-attentions, zero at the start, came to."""
    found: dict[str, list[float]] = {}
    for result in results:
        for name, value in result["learned"].items():
            found.setdefault(f"{result['network']}, {name.removesuffix('.gain')}", []).append(value)
    said = [f"{name}: {' / '.join(f'{v:+.2f}' for v in values)}" for name, values in found.items()]
    return "; ".join(said) or "none trained yet"


def report(
    results: Sequence[dict[str, Any]],
    memory: dict[str, Any] | None,
    regions: dict[str, Any] | None,
    even: dict[str, Any] | None = None,
) -> str:
    """The whole page."""
    scores = Scores(results)
    noise = "no network has two seeds yet, so the noise of a run is not known"
    if scores.freedom:
        noise = f"one run's deviation is {scores.noise:.3f} dB ({scores.freedom} degrees of freedom)"
    lines = [words.HEAD, words.conditions(results, noise)]
    for table in (2, 3, 4, 5):
        lines += [f"\n## Table {table}\n", *quality(table, results, scores)]
        if table == 2:
            lines += ["\n![Gain over RBase, the paper's and ours](paper/gains.png)"]
            lines += [f"\nGains of the self-attentions, which start at zero: {gains(results)}."]
        if table == 5:
            lines += ["", *parameter_table()]
    lines += ["\n## Which claims hold\n", words.CLAIMS, *claims_table(scores, by_kind(results)), words.VERDICTS]
    lines += ["\n## Why\n", words.WHY, *even_table(even), words.PROBES, *probes_table(scores, results)]
    lines += ["\n## Memory\n", words.MEMORY, *memory_table(memory)]
    lines += ["\n## Where the foreground looks\n", words.LOOKS, *regions_table(regions), words.TAIL]
    return "\n".join(lines)


def plot(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Gain over RBase of every network of Tables 2 to 4 but Base, with margins where they are known."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    scores = Scores(results)
    base = next(line.printed.psnr for line in LINES if line.network == "rbase")
    printed = {line.network: line.printed.psnr - base for line in LINES if line.table < 5}
    names = [n for n in printed if n not in ("base", "rbase")]
    figure, axes = pyplot.subplots(figsize=(9, 4), layout="constrained")
    axes.plot(names, [printed[n] for n in names], "o", label="paper (iHarmony4, 140 epochs)")
    for n in names:
        d = scores.difference(n, "rbase")
        if d.seeds:
            face = "C1" if d.seeds > 1 else "white"
            axes.errorbar([n], [d.mean], yerr=d.margin, fmt="s", color="C1", markerfacecolor=face, capsize=4)
    axes.plot([], [], "s", color="C1", label="ours (margin: 95 %)")
    axes.plot([], [], "s", color="C1", markerfacecolor="white", label="ours, of one seed")
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set_ylabel("PSNR over RBase, dB")
    axes.tick_params(axis="x", rotation=40)
    axes.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    pyplot.close(figure)


def most_results(folder: Path) -> list[dict[str, Any]]:
    """The results of the set of conditions that has the most; none where there are none."""
    sets = [read_results(part) for part in sorted(folder.iterdir()) if part.is_dir()] if folder.is_dir() else []
    return max(sets, key=len, default=[])


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text()) if path.is_file() else None


def main() -> None:
    """Write both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path)
    folder = parser.parse_args().results
    if folder is not None and not folder.is_dir():
        raise InputError(f"no such folder of results: {folder}")
    results = most_results(HERE / "results") if folder is None else read_results(folder)
    plot(results, HERE / "gains.png")
    text = report(results, _read(HERE / "memory.json"), _read(HERE / "regions.json"), _read(HERE / "even.json"))
    with replacing(HERE.parent / "paper.md") as temporary:
        temporary.write_text(text + "\n")


if __name__ == "__main__":
    main()
