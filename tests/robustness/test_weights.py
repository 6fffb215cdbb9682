"""Weights files from strangers: a valid load or a CheckpointError, and nothing else happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from regharm_core import CheckpointError, HarmonizerNet
from regharm_core.checkpoint import load_network
from tests.robustness.corpus import good_file, malformed, mutated

SIZES = 60  # files of the corpus at least


def test_every_malformed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    good = good_file(tmp_path).read_bytes()
    path = tmp_path / "given.safetensors"
    wrongs = list(malformed(good))
    assert len(wrongs) >= SIZES and len({name for name, _ in wrongs}) == len(wrongs)
    for name, data in wrongs:
        path.write_bytes(data)
        try:
            load_network(path)
        except CheckpointError as error:
            assert "given.safetensors" in str(error), name
        else:
            pytest.fail(f"loaded a file with {name}")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("seed", range(4))
def test_flipped_and_spliced_files(tmp_path: Path, seed: int) -> None:
    good = good_file(tmp_path).read_bytes()
    path = tmp_path / "given.safetensors"
    loaded = 0
    for data in mutated(good, 500, seed):
        path.write_bytes(data)
        try:
            net, info = load_network(path)
        except CheckpointError:
            continue
        assert isinstance(net, HarmonizerNet) and info.size == len(data)
        assert all(bool(value.isfinite().all()) for value in net.state_dict().values())
        loaded += 1
    assert 0 < loaded < 400  # some flips only change a weight; most do not load


def test_a_folder_and_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "link.safetensors").symlink_to(tmp_path / "nowhere.safetensors")
    for name in ("folder", "link"):
        with pytest.raises(CheckpointError, match=name):
            load_network(tmp_path / f"{name}.safetensors")
