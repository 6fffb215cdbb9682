"""The archive for ComfyUI leaves training out: its commands say so, the others work."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Under another name, as an installed regharm_core would lend it what is missing."""
    folder = tmp_path_factory.mktemp("archive")
    left_out = shutil.ignore_patterns("training", "__pycache__")
    shutil.copytree(ROOT / "regharm_core", folder / "archived", ignore=left_out)
    return folder


def said(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "archived", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("arguments", [("evaluate", "pairs"), ("train", "recipe.json")])
def test_a_command_that_needs_it_says_so(copy: Path, arguments: tuple[str, ...]) -> None:
    answer = said(copy, *arguments)
    assert answer.returncode == 2
    assert "without its training" in answer.stderr and answer.stderr.count("\n") == 1


def test_the_others_work(copy: Path) -> None:
    assert "9.4" in said(copy, "info", "--width", "1").stdout
