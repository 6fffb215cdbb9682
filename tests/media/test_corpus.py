"""Every kind of file of the corpus: read to the values that were written, and given back; or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.media.corpus.every import ROWS
from tests.media.corpus.row import Row, outcome


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.what} ({row.writer})")
def test_read_right_and_given_back(row: Row, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    got = outcome(row, tmp_path)
    said = capfd.readouterr().err.splitlines()
    if row.refused:
        assert row.refused in got.line and row.file in got.line and "\n" not in got.line and not said
    else:
        assert not got.line and got.read <= row.steps and got.back <= 1
        assert all(line.startswith("note: ") for line in said)  # the libraries' own noise is caught


def test_the_corpus_is_wide() -> None:
    assert len(ROWS) >= 60 and len({row.writer for row in ROWS}) >= 3
    assert len({(row.what, row.writer) for row in ROWS}) == len({row.file for row in ROWS}) == len(ROWS)


def test_the_documents_know_of_every_file() -> None:
    """``python -m benchmarks.robustness files`` makes the table again."""
    root = Path(__file__).resolve().parents[2]
    table = (root / "benchmarks" / "robustness.md").read_text(encoding="utf-8")
    assert f"tested on {len(ROWS)} files" in (root / "docs" / "pictures.md").read_text(encoding="utf-8")
    assert all(f"| {row.what} ({row.writer}) | " in table for row in ROWS) and f"| files | {len(ROWS)} |" in table
