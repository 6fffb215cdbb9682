"""The script for a GPU that is lent for minutes, on a CPU: no photographs are lost between its calls."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from regharm_core import HarmonizerConfig, HarmonizerNet, read_info, save_checkpoint
from tests.training.conftest import photographs as photographs  # noqa: PLC0414 (the fixture)

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("bash") is None or shutil.which("setsid") is None, reason="needs bash and setsid")
def test_what_a_killed_process_did_not_decode_is_decoded_before_training(photographs: Path, tmp_path: Path) -> None:
    model = HarmonizerConfig(width=2, gated=False, refine=(0, 0, 0, 0), view=64)
    save_checkpoint(HarmonizerNet(model), tmp_path / "start.safetensors", facts={})
    work, part, out = (tmp_path / name for name in ("work", "part", "out"))
    work.mkdir()
    part.mkdir()
    shutil.copy(photographs, part / "a.tar")
    shutil.copy(photographs, work / "lost.tar")  # came with an earlier call
    (work / ".lost.1234.safetensors").write_bytes(b"half")
    (work / "workers").write_text("99999999\n")  # a process that was lost; no system numbers so many
    phases = [{"size": 64, "batch": 2, "share": 1}]
    recipe = {"data": ["x"], "out": "x", "model": model.to_dict(), "phases": phases, "steps": 1}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    places = {"WORK": str(work), "START": str(tmp_path / "start.safetensors"), "PYTHON": sys.executable}

    def call(*words: str) -> None:
        settings = os.environ | places | {"DEVICE": "cpu", "PATIENCE": "30", "WORKERS": "1", "REPEAT": "a*:3"}
        command = ["bash", "scripts/gpu.sh", *words]
        subprocess.run(command, cwd=ROOT, env=settings, check=True, capture_output=True, timeout=600)

    call("take", str(part))
    assert not list(part.iterdir())
    call("start", str(tmp_path / "recipe.json"))
    call("look", "500", str(out))
    call("stop")
    assert read_info(out / "weights.safetensors").facts["photographs"] == 24  # six of each tar, one of them three times
