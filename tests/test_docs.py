"""The texts stay true where a machine can tell: links, paths, commands, and the table of imports."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

from regharm_core.cli import COMMANDS
from tests.test_arrows import MAY_IMPORT

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LONGEST = {"README.md": 120, "docs/architecture.md": 110}  # lines
TEXTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in chain(ROOT.glob("*.md"), *((ROOT / folder).glob("*.md") for folder in ("docs", "weights", "assets")))
)
PLACES = [ROOT / place for place in ("", "regharm_core", "regharm_core/training")]  # what paths are said from
FILE = re.compile(r"[\w*/.-]*\w\.(?:py|json|md|txt)")


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text)
    missing = [to for to in links if "://" not in to and not ((ROOT / name).parent / to).exists()]
    assert not missing


@pytest.mark.parametrize("name", TEXTS)
def test_files_that_are_named_are_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    named = {word for part in re.findall(r"`([^`\n]+)`", text) for word in FILE.findall(part) if "/" in word}
    if name == "docs/architecture.md":  # its drawings name files without backticks
        named |= set(re.findall(r"^ (?:  \|  )?([a-z_]+/[a-z_0-9]+\.py)", text, re.MULTILINE))
        assert len(named) > 30
    missing = [
        file
        for file in sorted(named)
        if "NODE_ID" not in file and not any(list(place.glob(file)) for place in (*PLACES, (ROOT / name).parent))
    ]
    assert not missing


@pytest.mark.parametrize("name", LONGEST)
def test_short_texts_stay_short(name: str) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= LONGEST[name]


def test_the_table_of_imports_is_the_one_that_is_tested() -> None:
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \|$", ARCHITECTURE, re.MULTILINE)
    told = {
        room.replace("/", "."): {other.replace("/", ".") for other in re.findall(r"`([^`]+)`", allowed)}
        for rooms, allowed in rows
        for room in re.findall(r"`([^`]+)`", rooms)
    }
    assert told == {room: may for room, may in MAY_IMPORT.items() if room != "__main__"}


@pytest.mark.parametrize("name", ["README.md", "docs/training.md"])
def test_commands_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    used = set(re.findall(r"(?:-m regharm_core|regharm) (\w+)", text))
    assert used and used <= {command.__name__.rpartition(".")[2] for command in COMMANDS} | {"split", "join"}
