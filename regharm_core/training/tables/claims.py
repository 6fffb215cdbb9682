"""What the paper says its tables show, checked against the results: verdicts are computed, never typed in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .results import overall

Verdict = Literal["not yet trained", "one seed", "within noise", "holds", "fails"]

# Two-sided 95 % points of Student's t by degrees of freedom; beyond the last, the normal's is close enough.
STUDENT = (
    *(12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13),
    *(2.12, 2.11, 2.10, 2.09, 2.09, 2.08, 2.07, 2.07, 2.06, 2.06, 2.06, 2.05, 2.05, 2.05, 2.04),
)


@dataclass(frozen=True)
class Claim:
    """``better`` has a higher PSNR than each of ``worse``; keys of :data:`.rows.NETWORKS`."""

    text: str
    better: str
    worse: tuple[str, ...]


CLAIMS: tuple[Claim, ...] = (
    Claim("residual reconstruction beats direct prediction", "rbase", ("base",)),
    Claim("LTL helps (at 32, as in the final model)", "ltl-32", ("rbase",)),
    Claim("LTL helps (at all three levels, the figures of Table 2)", "ltl-all", ("rbase",)),
    Claim("PTL helps", "ptl-8-32", ("rbase",)),
    Claim("LTL and PTL add up", "ltl-ptl", ("ltl-32", "ptl-8-32")),
    Claim("PTL beats AdaIN", "ptl-8-32", ("adain",)),
    Claim("LTL beats self-attention", "ltl-32", ("self-attention",)),
    Claim("PTL beats self-attention", "ptl-8-32", ("self-attention",)),
    Claim("LTL at 64 beats LTL at 16", "ltl-64", ("ltl-16",)),
    Claim("LTL at all levels beats each level", "ltl-all", ("ltl-16", "ltl-32", "ltl-64")),
    Claim("finer strides help, patch 1/4: 1/8 over 1/4", "ptl-4-8", ("ptl-4-4",)),
    Claim("finer strides help, patch 1/4: 1/16 over 1/8", "ptl-4-16", ("ptl-4-8",)),
    Claim("finer strides help, patch 1/8: 1/16 over 1/8", "ptl-8-16", ("ptl-8-8",)),
    Claim("finer strides help, patch 1/8: 1/32 over 1/16", "ptl-8-32", ("ptl-8-16",)),
    Claim("a wide network helps (the last row of Table 2)", "ltl-ptl-4c", ("ltl-ptl",)),
    Claim("twice the width helps", "ltl-ptl-2c", ("ltl-ptl",)),
    Claim("four times the width helps further", "ltl-ptl-4c", ("ltl-ptl-2c",)),
)


@dataclass(frozen=True)
class Difference:
    """The difference of two networks' PSNR over the seeds that both have, in dB.

    Attributes:
        mean: 0 where no seed is shared.
        seeds: how many are shared.
        margin: half of the 95 % interval; None where there are too few seeds to know the noise.
    """

    mean: float
    seeds: int
    margin: float | None


@dataclass(frozen=True)
class Finding:
    """A claim's verdict, the rival that decides it (the first that is missing, if one is), and the difference to it."""

    claim: Claim
    verdict: Verdict
    rival: str
    difference: Difference


class Scores:
    """PSNR by network and seed. Rows of one seed are compared only where they saw the same composites."""

    def __init__(self, results: Sequence[dict[str, Any]]) -> None:
        self.psnr: dict[str, dict[int, float]] = {}
        self._streams: dict[tuple[str, int], list[float]] = {}
        for result in results:
            network, seed = result["network"], result["seed"]
            self.psnr.setdefault(network, {})[seed] = overall(result, "psnr")
            self._streams[network, seed] = result["stream"]
        self.noise, self.freedom = self._noise()

    def shared(self, first: str, second: str) -> list[int]:
        """Seeds with which both were trained on the same composites."""
        seeds = self.psnr.get(first, {}).keys() & self.psnr.get(second, {}).keys()
        return sorted(s for s in seeds if self._streams[first, s] == self._streams[second, s])

    def difference(self, better: str, worse: str) -> Difference:
        """Mean over the shared seeds, with a margin from the noise of all rows together."""
        seeds = self.shared(better, worse)
        if not seeds:
            return Difference(0.0, 0, None)
        mean = sum(self.psnr[better][s] - self.psnr[worse][s] for s in seeds) / len(seeds)
        margin = None
        if self.freedom:
            student = STUDENT[self.freedom - 1] if self.freedom <= len(STUDENT) else 1.96
            margin = student * self.noise * math.sqrt(2 / len(seeds))
        return Difference(mean, len(seeds), margin)

    def _noise(self) -> tuple[float, int]:
        """Standard deviation of one run without the effects of its row and its seed, and its degrees of freedom.

        A seed has one effect on all rows, since they see the same composites. Of all sets of seeds that some row
        has, the one is used that gives most degrees of freedom with all rows that have it; so a row with few seeds
        does no harm. "Base" is left out, because it learns another task and has another noise.
        """
        several = [row for name, row in self.psnr.items() if len(row) >= 2 and name != "base"]
        tables = [[[row[s] for s in seeds] for row in several if row.keys() >= seeds.keys()] for seeds in several]
        rows = max(tables, key=_freedom, default=[[]])
        if not (freedom := _freedom(rows)):
            return 0.0, 0
        by_row = [sum(row) / len(row) for row in rows]
        by_seed = [sum(column) / len(column) for column in zip(*rows, strict=True)]
        grand = sum(by_row) / len(by_row)
        left = sum(
            (value - by_row[r] - by_seed[c] + grand) ** 2 for r, row in enumerate(rows) for c, value in enumerate(row)
        )
        return math.sqrt(left / freedom), freedom


def _freedom(table: list[list[float]]) -> int:
    """A table's degrees of freedom after the effects of its rows and columns are removed."""
    return (len(table) - 1) * (len(table[0]) - 1)


def judge(claim: Claim, scores: Scores) -> Finding:
    """Check a claim against the results; with several rivals the weakest verdict counts."""
    order: tuple[Verdict, ...] = ("not yet trained", "fails", "one seed", "within noise", "holds")
    findings: list[Finding] = []
    for rival in claim.worse:
        difference = scores.difference(claim.better, rival)
        findings.append(Finding(claim, _verdict(difference), rival, difference))
    return min(findings, key=lambda f: (order.index(f.verdict), f.difference.mean))


def _verdict(difference: Difference) -> Verdict:
    if difference.seeds == 0:
        return "not yet trained"
    if difference.margin is None:
        return "one seed"
    if difference.mean > difference.margin:
        return "holds"
    return "fails" if difference.mean < -difference.margin else "within noise"
