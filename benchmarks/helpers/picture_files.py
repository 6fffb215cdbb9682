"""What becomes of picture files: each file of the tests' corpus read, and given back with strength 0."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

from tests.media.corpus.every import ROWS
from tests.media.corpus.row import Outcome, outcome


def picture_files() -> dict[str, object]:
    """By kind of file and its writer: how far it is read from the values that were written, in steps of its own depth
    (floating point: of 16 bits), and how far it comes back from what was read; or the line that refuses it."""
    found: dict[str, Outcome] = {}
    for row in ROWS:
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            found[f"{row.what} ({row.writer})"] = outcome(row, Path(folder))
    exact, refused = sum(f.read == 0 and not f.line for f in found.values()), sum(bool(f.line) for f in found.values())
    whole = {"files": len(ROWS), "read to the last bit": exact, "refused in one line": refused}
    return {**whole, "writers": ", ".join(sorted({r.writer for r in ROWS})), **{k: _words(f) for k, f in found.items()}}


def _words(found: Outcome) -> str:
    return f"refused: {found.line}" if found.line else f"read {_steps(found.read)}, back {_steps(found.back)}"


def _steps(count: float) -> str:
    if count == 0:
        return "exactly"
    if count < 1:
        return f"within {max(count, 0.01):.2f} of a step"
    return f"within {round(count)} step{'s' if count > 1 else ''}"
