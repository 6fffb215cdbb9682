"""The paper's tables beside ours, from the results that are there: the tables of paper.md, and gains.png.

    python -m benchmarks.paper.report [--results FOLDER]

FOLDER holds results of one set of conditions (``python -m regharm_core tables``). Without it, the folder in
``results`` that holds most counts. Nothing is measured here but parameters. regions.json and even.json come from
``benchmarks.paper.regions`` and ``.even``, the other pictures from ``benchmarks.paper.figures``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from regharm_core import InputError
from regharm_core.network.build import parameter_count
from regharm_core.store.files import replacing
from regharm_core.training.tables.claims import CLAIMS, Claim, Difference, Scores, judge
from regharm_core.training.tables.results import METRICS, overall, read_results
from regharm_core.training.tables.rows import LINES, NETWORKS, PROBES, Line

from ..helpers.reports import PICTURES, RESULTS, fill, load, table

Results = Sequence[dict[str, Any]]
RBASE = next(line.printed.psnr for line in LINES if line.network == "rbase")


def conditions(results: Results, scores: Scores) -> str:
    """Under which terms the results were made."""
    if not results:
        return "No row has been trained yet."
    first, c, kinds = results[0], results[0]["conditions"], results[0]["kinds"].values()
    pairs, bare = sum(kind["pairs"] for kind in kinds), sum(kind["composite"]["psnr"] for kind in kinds) / len(kinds)
    noise = f"one run's deviation is {scores.noise:.3f} dB ({scores.freedom} degrees of freedom)"
    if not scores.freedom:
        noise = "no network has two seeds yet, so the noise of a run is not known"
    return (
        f"Equal for all rows: C = {c['width']} (the paper: 32), {c['size']} px (256), batch {c['batch']} (4), "
        f"{c['steps']:,} steps, so {first['images']:,} composites from {first['photographs']:,} photographs, "
        f"{'bf16' if c['bf16'] else 'fp32'}; measured on {pairs} pairs of {c['size']} px, the network's own size. The "
        f"bare composites have {bare:.2f} dB. Runs so far: {len(results)}; {noise}."
    )


def lines_of(number: int) -> list[Line]:
    """A table's rows; LTL at 32 px comes into Table 2 from Table 3."""
    lines: list[Line] = []
    for line in (one for one in LINES if one.table == number):
        if number == 2 and line.network == "ltl-all":
            other = next(one for one in LINES if one.network == "ltl-32")
            lines.append(Line(2, "RBase + LTL, 32x32 only (of Table 3)", "ltl-32", other.printed))
        lines.append(line)
    return lines


def ours(results: Results, network: str) -> tuple[str, int]:
    """A network's quality, and its seeds: means over seeds and, in brackets, from the smallest to the largest."""
    own, cells = [result for result in results if result["network"] == network], []
    for metric in METRICS if own else ():
        values, digits = [overall(result, metric) for result in own], 1 if metric == "fmse" else 2
        spread = f" ({max(values) - min(values):.{digits}f})" if len(own) > 1 else ""
        cells.append(f"{sum(values) / len(values):.{digits}f}{spread}")
    return ", ".join(cells) or "not yet trained", len(own)


def number(difference: Difference, digits: int = 3) -> str:
    """A difference with its margin where that is known; nothing where no seed is shared."""
    if not difference.seeds:
        return ""
    margin = "" if difference.margin is None else f" ± {difference.margin:.{digits}f}"
    return f"{difference.mean:+.{digits}f}{margin}"


def quality(of: int, results: Results, scores: Scores) -> str:
    """Quality of a table's rows, the paper's and ours."""

    def row(line: Line) -> Sequence[object]:
        p, (values, seeds) = line.printed, ours(results, line.network)
        gains = (f"{p.psnr - RBASE:+.2f}", number(scores.difference(line.network, "rbase"), 2))
        over, gain = gains if line.network != "rbase" else ("", "")
        return line.label, f"{p.psnr:.2f}, {p.mse:.2f}, {p.fmse:.2f}", over, values, gain, seeds

    head = "row | paper: PSNR, MSE, fMSE | >over RBase | ours: PSNR, MSE, fMSE (spread) | >over RBase | >seeds"
    return table(head, map(row, lines_of(of)))


def parameters() -> str:
    """Parameters of Table 5."""
    lines = [(x.label, x.parameters, parameter_count(NETWORKS[x.network]) / 1e6) for x in LINES if x.parameters]
    rows = [(label, paper, f"{own:.2f}", f"{100 * (own / paper - 1):+.2f} %") for label, paper, own in lines]
    return table("width | >paper, M | >ours, M | >difference", rows)


def claims(results: Results, scores: Scores) -> str:
    """Every claim with what the results say of it, on all pairs and on each kind of them."""
    names = sorted({kind for result in results for kind in result["kinds"]})
    kinds = [Scores([r | {"kinds": {k: r["kinds"][k]}} for r in results if k in r["kinds"]]) for k in names]

    def row(claim: Claim) -> Sequence[object]:
        f = judge(claim, scores)
        each = (number(one.difference(claim.better, f.rival), 2) for one in kinds)
        return claim.text, f.verdict, number(f.difference), f.rival, f.difference.seeds, *each

    head = ["claim | verdict | >difference, dB | against | >seeds", *(f">{name}" for name in names)]
    return table(" | ".join(head), map(row, CLAIMS))


def probes(results: Results, scores: Scores) -> str:
    """What was asked beyond the paper's rows, beside the row that it varies."""

    def row(name: str) -> Sequence[object]:
        of, (values, seeds) = max((n for n in NETWORKS if name.startswith(n)), key=len), ours(results, name)
        return name, values, of, number(scores.difference(name, of), 2), seeds

    return table("probe | ours: PSNR, MSE, fMSE (spread) | of the row | >difference, dB | >seeds", map(row, PROBES))


def regions(found: dict[str, Any]) -> str:
    """Shares of attention against shares of area."""

    def cells(name: str, row: dict[str, Any]) -> Sequence[object]:
        low, high = row["interval"]
        so = "drawn to it" if low > 1 else "drawn away" if high < 1 else "not told apart from area"
        shares = (f"{row['share']:.3f}", f"{row['by_area']:.3f}", f"{row['ratio']:.2f} ({low:.2f} to {high:.2f})")
        return name, row["photographs"], *shares, *(f"{100 * row[key]:.0f} %" for key in ("larger_in", "width")), so

    head = "question: network, layer | >photographs | >share | >by area | >ratio (95 %) | >larger in | >width | so"
    made = table(head, (cells(*item) for item in found["rows"].items()))
    return f"{made}\n\nWeights: `{found['weights']}`, {found['size']} px, whole pictures."


def even(found: dict[str, Any]) -> str:
    """What trained attention is worth."""

    def cells(row: dict[str, Any]) -> Sequence[object]:
        (low, high), where, change = row["interval"], "no layer: as trained", ("", "")
        if row["even"] != "as trained":
            change = (f"{row['psnr']:+.2f} ({low:+.2f} to {high:+.2f})", f"{100 * row['worse_in']:.0f} %")
            where = row["even"]
        widths = ("" if row[key] is None else f"{100 * row[key]:.0f} %" for key in ("width", "first"))
        return row["weights"], f"{row['pairs']} of {row['size']} px", where, f"{row['mean']:.2f}", *change, *widths

    head = "weights | pairs | attention made equal in | >PSNR | >change, dB (95 %) | >worse in | >looks at | >untrained"
    return table(head, map(cells, found.values()))


def parts(results: Results, found: dict[str, Any]) -> dict[str, str]:
    """Everything in paper.md that is computed, by its mark; ``found``: what was measured beside the rows, by name."""
    scores = Scores(results)
    made = {"conditions": conditions(results, scores), "parameters": parameters()}
    made |= {f"table {n}": quality(n, results, scores) for n in (2, 3, 4, 5)}
    made |= {"claims": claims(results, scores), "probes": probes(results, scores)}
    for part in (regions, even):
        measured = found.get(part.__name__)
        made[part.__name__] = part(measured) if measured else "not yet measured"
    return made


def plot(results: Results, path: Path) -> None:
    """Gain over RBase of every network of Tables 2 to 4 but Base, with margins where they are known."""
    from matplotlib.figure import Figure

    scores = Scores(results)
    printed = {line.network: line.printed.psnr - RBASE for line in LINES if line.table < 5}
    names = [n for n in printed if n not in ("base", "rbase")]
    figure = Figure((9, 4), layout="constrained")
    axes = figure.subplots()
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


def most_results(folder: Path) -> list[dict[str, Any]]:
    """The results of the set of conditions that has the most; none where there are none."""
    sets = [read_results(part) for part in sorted(folder.iterdir()) if part.is_dir()] if folder.is_dir() else []
    return max(sets, key=len, default=[])


def main() -> None:
    """Write both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path)
    folder = parser.parse_args().results
    if folder is not None and not folder.is_dir():
        raise InputError(f"no such folder of results: {folder}")
    results = most_results(RESULTS) if folder is None else read_results(folder)
    plot(results, PICTURES / "gains.png")
    fill("paper", parts(results, {name: load(name) for name in ("regions", "even")}))


if __name__ == "__main__":
    main()
