"""Who looks for what our nodes do finds them: asked of the page's own search, in a browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.host.browser import WORDS, ask, browser
from tests.host.server import Server


@pytest.fixture(scope="module")
def found(server: Server) -> dict[str, Any]:
    program = browser()
    if program is None:
        pytest.skip("no Chromium here: name one in CHROMIUM")
    return ask(server, program)


@pytest.mark.parametrize("word", WORDS)
def test_ours_is_among_the_first_three(found: dict[str, Any], word: str) -> None:
    """Where a node of the host bears the word in its own name, that one and others that are much used stand before
    ours, whatever our aliases say: then ours is among the first three of the rest.
    """
    names = found["lists"][word]
    parts = word.split()
    bears_it = [all(part in f"{name} {shown}".lower() for part in parts) for name, shown, _ in names]
    ours = next((n for n, (name, *_) in enumerate(names) if name.startswith("RegHarm")), None)
    assert ours is not None, f"{word}: none of ours among {len(names)}"
    if any(bears and not name.startswith("RegHarm") for bears, (name, *_) in zip(bears_it, names, strict=True)):
        before = [names[n][1] for n in range(ours) if not bears_it[n] and not names[n][2]]
    else:
        before = [shown for _, shown, _ in names[:ours]]
    assert len(before) < 3, f"{word}: behind {before}"


def test_the_page_ranks_as_it_does_for_people(found: dict[str, Any]) -> None:
    assert found["ranked"]


def test_after_undo_a_node_still_says_what_its_last_run_did(found: dict[str, Any]) -> None:
    assert found["again"]["anew"]
    assert "one run" in found["again"]["said"] and "one doubt" in found["again"]["said"]
