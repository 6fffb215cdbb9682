"""The benchmarks' house: one level of helpers, reports whose tables are those of the kept results, links that lead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.helpers import reports
from benchmarks.paper.report import most_results, parts
from regharm_core import InputError
from tests.test_arrows import ROOT, imported

FOLDER = ROOT / "benchmarks"
HELPERS = "benchmarks.helpers"


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda p: str(p.relative_to(FOLDER)))
def test_a_benchmark_imports_helpers_and_a_helper_no_benchmark(path: Path) -> None:
    own = {name for name in imported(path) if name.split(".")[0] == "benchmarks"}
    allowed = set() if path.parent.name == "helpers" else {n for n in own if n.startswith(HELPERS)}
    assert own == allowed


def test_a_table_says_where_its_numbers_stand() -> None:
    made = reports.table("way | >dB", [("mean", 1.5), ("none", "")])
    assert made == "| way | dB |\n| --- | ---: |\n| mean | 1.5 |\n| none |  |"


def test_a_report_is_filled_between_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "HERE", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- end -->\nbetween\n<!-- b -->\n<!-- end -->\nafter\n")
    reports.fill("page", {"b": "new b", "a": "new a"})
    wanted = "before\n<!-- a -->\n\nnew a\n\n<!-- end -->\nbetween\n<!-- b -->\n\nnew b\n\n<!-- end -->\nafter\n"
    assert page.read_text() == wanted
    reports.fill("page", {"a": "new a"})
    assert page.read_text() == wanted
    with pytest.raises(InputError, match="no place for 'c'"):
        reports.fill("page", {"c": "lost"})
    assert page.read_text() == wanted


def test_the_papers_report_says_what_the_kept_results_say() -> None:
    text = (FOLDER / "paper.md").read_text(encoding="utf-8")
    found = {name: reports.load(name) for name in ("regions", "even")}
    for name, part in parts(most_results(reports.RESULTS), found).items():
        assert f"<!-- {name} -->\n\n{part}\n\n<!-- end -->" in text, name


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda p: p.name)
def test_links_and_pictures_of_a_report_are_there(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).is_file(), target
