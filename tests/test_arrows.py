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


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows(path: Path) -> None:
    names = imported(path)
    assert not {n for n in names if n.split(".")[0] in HOST}
    room = path.relative_to(CORE).parts[0]
    if room not in ("cli", "__main__.py"):
        assert not {n for n in names if n.startswith("regharm_core.cli")}
        if room != "training":
            assert not {n for n in names if n.startswith("regharm_core.training")}


def test_the_nodes_speak_to_the_host_in_one_file() -> None:
    private = {"comfy", "folder_paths", "server", "execution", "aiohttp"}
    speaking = {p.name for p in (ROOT / "nodes").glob("*.py") if {n.split(".")[0] for n in imported(p)} & private}
    assert speaking == {"host.py"}
