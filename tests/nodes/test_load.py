"""Where weights are found, which file wins, and what the host is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch


def copy_weights(pack: Any, weights: str, folder: Path, name: str) -> Path:
    source = pack.host.models_dir / "harmonizers" / weights
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(source.read_bytes())
    return folder / name


def bundle(pack: Any, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let another folder be the bundled one."""
    host = pack.module("nodes.host")
    pack.host.folders.clear()
    monkeypatch.setattr(host, "WEIGHTS_FOLDER", folder)
    host.register_weights_folder()


def test_bundled_default_comes_first_and_the_users_file_wins(
    pack: Any, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = pack.module("nodes.host").DEFAULT_WEIGHTS[0]
    bundled = copy_weights(pack, weights, tmp_path / "bundled", default)
    copy_weights(pack, weights, tmp_path / "bundled", "another.safetensors")
    (tmp_path / "bundled" / "MODEL_CARD.md").write_text("not weights")
    bundle(pack, monkeypatch, tmp_path / "bundled")
    host = pack.module("nodes.host")
    assert host.weights_names() == [default, "another.safetensors", "tiny.safetensors"]
    assert host.weights_path(default) == bundled
    own = copy_weights(pack, weights, pack.host.models_dir / "harmonizers", default)
    assert host.weights_path(default) == own


def test_a_folder_entry_that_is_there_already_is_extended(pack: Any, tmp_path: Path) -> None:
    pack.host.folders["harmonizers"] = ([str(tmp_path / "from_yaml")], {".bin"})
    pack.module("nodes.host").register_weights_folder()
    paths, extensions = pack.host.folders["harmonizers"]
    assert str(tmp_path / "from_yaml") in paths and extensions == {".bin", ".safetensors"}
    assert paths[0] == str(pack.host.models_dir / "harmonizers")


@pytest.mark.parametrize(
    ("asked", "half", "wanted"),
    [
        ("auto", None, torch.float32),
        ("auto", "fp16", torch.float16),
        ("auto", "bf16", torch.bfloat16),
        ("fp16", None, torch.float16),
        ("bf16", None, torch.bfloat16),
        ("fp32", "fp16", torch.float32),
    ],
)
def test_precision(pack: Any, weights: str, asked: str, half: str | None, wanted: torch.dtype) -> None:
    pack.host.half = half
    (patcher,) = pack.run("RegHarmLoad", weights, asked)
    assert next(patcher.model.parameters()).dtype == wanted


def test_missing_and_foreign_files_are_clear_errors(pack: Any, weights: str) -> None:
    core = pack.module("regharm_core")
    with pytest.raises(core.CheckpointError, match=r"no weights 'gone\.safetensors' in .*harmonizers"):
        pack.run("RegHarmLoad", "gone.safetensors")
    (pack.host.models_dir / "harmonizers" / "broken.safetensors").write_bytes(b"not at all")
    with pytest.raises(core.CheckpointError, match="broken"):
        pack.run("RegHarmLoad", "broken.safetensors")


@pytest.mark.parametrize("name", ["../secret.safetensors", "{outside}", "tiny/../../secret.safetensors", ""])
def test_names_cannot_leave_the_model_folders(pack: Any, weights: str, name: str) -> None:
    core = pack.module("regharm_core")
    outside = copy_weights(pack, weights, pack.host.models_dir, "secret.safetensors")
    with pytest.raises(core.CheckpointError, match="no weights"):
        pack.run("RegHarmLoad", name.format(outside=outside))


def test_links_cannot_leave_the_model_folders(pack: Any, weights: str, tmp_path: Path) -> None:
    """A linked file may lie in another of the folders, or the folder itself be linked, but no file lead elsewhere."""
    core, host = pack.module("regharm_core"), pack.module("nodes.host")
    folder = pack.host.models_dir / "harmonizers"
    outside = copy_weights(pack, weights, tmp_path / "outside", "secret.safetensors")
    (folder / "linked.safetensors").symlink_to(outside)
    with pytest.raises(core.CheckpointError, match="link out of"):
        pack.run("RegHarmLoad", "linked.safetensors")
    (folder / "again.safetensors").symlink_to(folder / weights)
    assert host.weights_path("again.safetensors").read_bytes() == outside.read_bytes()
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    assert host.weights_path(weights) == folder / weights


def test_a_changed_file_is_loaded_again(pack: Any, weights: str) -> None:
    node = pack.nodes["RegHarmLoad"]
    before = node.fingerprint_inputs(weights, "fp32")
    assert before == node.fingerprint_inputs(weights, "fp32") != node.fingerprint_inputs(weights, "fp16")
    path = pack.host.models_dir / "harmonizers" / weights
    path.write_bytes(path.read_bytes() + b" ")
    assert node.fingerprint_inputs(weights, "fp32") != before
