"""Imports point one way: the core knows no host, the network no training, training no shell."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "regharm_core"
FILES = sorted(CORE.rglob("*.py"))
HOST = {"comfy", "comfy_api", "comfy_extras", "folder_paths", "nodes", "server", "execution", "aiohttp"}


def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports, wherever in it."""
    package = [*path.parent.relative_to(ROOT).parts]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            found |= {name} | {f"{name}.{alias.name}" for alias in node.names}
    return found


# What each room may import from, beside itself. Arrows run one way: no two rooms name each other.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "network": {"errors"},
    "store": {"errors", "network"},
    "picture": {"errors", "network"},
    "media": {"errors", "store"},
    "pipeline": {"errors", "network", "store", "picture"},
    "training.data": {"errors", "network", "store", "media"},
    "training.measuring": {"errors", "network", "store", "media", "pipeline", "training.data"},
    "training.run": {"errors", "network", "store", "training.data", "training.measuring"},
    "training.tables": {"errors", "network", "store", "training.data", "training.measuring", "training.run"},
    "cli": {
        "errors",
        "network",
        "store",
        "picture",
        "media",
        "pipeline",
        *(f"training.{r}" for r in ("run", "measuring", "tables")),
    },
    "__main__": {"cli"},
}


def room_of(name: str) -> str | None:
    """The room that a full module name lies in; None for what is no room of the core."""
    inside = name.removeprefix("regharm_core.")
    return next((r for r in MAY_IMPORT if name != inside and (inside + ".").startswith(r + ".")), None)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows(path: Path) -> None:
    names = imported(path)
    assert not {n for n in names if n.split(".")[0] in HOST}
    room = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if room is None:  # the front door opens on every room but training and the shell
        assert path in (CORE / "__init__.py", CORE / "training" / "__init__.py")
        assert not {n for n in names if n.startswith(("regharm_core.training", "regharm_core.cli"))}
    else:
        assert {r for n in names if (r := room_of(n))} <= {room} | MAY_IMPORT[room]


def test_every_room_says_what_lives_there() -> None:
    for room in [p.parent for p in CORE.rglob("__init__.py") if p.parent != CORE]:
        text = ast.get_docstring(ast.parse((room / "__init__.py").read_text()))
        assert text and text.endswith("."), room


def test_the_nodes_speak_to_the_host_in_one_file() -> None:
    private = {"comfy", "folder_paths", "server", "execution", "aiohttp"}
    speaking = {p.name for p in (ROOT / "nodes").glob("*.py") if {n.split(".")[0] for n in imported(p)} & private}
    assert speaking == {"host.py"}
