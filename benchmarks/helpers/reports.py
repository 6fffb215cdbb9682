"""Where results, pictures and reports lie, and how tables get into a report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from regharm_core import InputError
from regharm_core.store.files import replacing

HERE = Path(__file__).resolve().parent.parent
RESULTS, PICTURES = HERE / "results", HERE / "pictures"


def load(name: str) -> Any:
    """What ``results/NAME.json`` holds; None where there is no such file."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def save(name: str, values: object) -> None:
    """Write ``results/NAME.json``."""
    with replacing(RESULTS / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def table(head: str, rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown.

    Args:
        head: the names of the columns with " | " between them. A column whose name begins with ">" holds numbers,
            which are set to the right.
        rows: one value a column.
    """
    names = head.split(" | ")
    lines = [[name.removeprefix(">") for name in names], ["---:" if n.startswith(">") else "---" for n in names], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def fill(report: str, parts: dict[str, str]) -> None:
    """Write each part into ``benchmarks/REPORT.md``, between the marks ``<!-- NAME -->`` and ``<!-- end -->``.

    Raises:
        InputError: when the report has no such marks.
    """
    path = HERE / f"{report}.md"
    text = path.read_text(encoding="utf-8")
    for name, part in parts.items():
        before, mark, after = text.partition(f"<!-- {name} -->\n")
        _, end, rest = after.partition("<!-- end -->\n")
        if not end:
            raise InputError(
                f"{path} has no place for {name!r}: the lines <!-- {name} --> and <!-- end --> are missing"
            )
        text = f"{before}{mark}\n{part.strip()}\n\n{end}{rest}"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
