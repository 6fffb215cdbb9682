"""Weights files from strangers: a valid load or a CheckpointError, with little work and memory, and nothing else."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import pytest
import torch

from regharm_core import CheckpointError, HarmonizerConfig, HarmonizerNet, save_checkpoint
from regharm_core.store.checkpoint import HEADER_LIMIT, CheckpointInfo, load_network, read_info
from tests.robustness.corpus import good_file, join, malformed, mutated, split
from tests.robustness.limits import CALLS, SLACK, calls, can_measure, grown

FILES = 100  # of the corpus at least
LONGEST = 400  # characters of a message, however long what it quotes
MEMORY = can_measure()


def attempt(path: Path) -> tuple[HarmonizerNet, CheckpointInfo] | CheckpointError:
    """What becomes of a file, within the limits on work and memory."""
    made: list[tuple[HarmonizerNet, CheckpointInfo] | CheckpointError] = []

    def work() -> None:
        try:
            made.append(load_network(path))
        except CheckpointError as error:
            made.append(error)

    if not MEMORY:
        calls(work)
        return made[0]
    added, allowed = grown(lambda: calls(work)), 2 * path.stat().st_size + SLACK
    assert added < allowed, f"{added} bytes of memory where {allowed} are allowed: {str(made[0])[:200]}"
    return made[0]


def test_work_without_end_is_stopped() -> None:
    with pytest.raises(AssertionError, match=f"more than {CALLS} calls"):
        calls(lambda: [len("") for _ in range(2 * CALLS)])
    assert 0 < calls(lambda: [len("") for _ in range(100)]) <= 110


def test_every_malformed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    good = good_file(tmp_path).read_bytes()
    path = tmp_path / "given.safetensors"
    load_network(tmp_path / "good.safetensors")  # what is imported and cached on first use
    names: set[str] = set()
    for name, data in malformed(good):
        path.write_bytes(data)
        error = attempt(path)
        assert isinstance(error, CheckpointError), f"loaded a file with {name}"
        said = str(error)
        assert "given.safetensors" in said and len(said) < LONGEST + len(str(path)) and said.isprintable(), name
        assert name not in names
        names.add(name)
    assert len(names) >= FILES
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("seed", range(4))
def test_flipped_and_spliced_files(tmp_path: Path, seed: int) -> None:
    good = good_file(tmp_path).read_bytes()
    path = tmp_path / "given.safetensors"
    loaded = 0
    for data in mutated(good, 500, seed):
        path.write_bytes(data)
        answer = attempt(path)
        if isinstance(answer, CheckpointError):
            continue
        net, info = answer
        assert isinstance(net, HarmonizerNet) and info.size == len(data)
        assert all(bool(value.isfinite().all()) for value in net.state_dict().values())
        loaded += 1
    assert 0 < loaded < 400  # some flips only change a weight; most do not load


@pytest.mark.skipif(not MEMORY, reason="the highest memory of a process cannot be read here")
@pytest.mark.parametrize(("dtype", "spoiled"), [("fp32", False), ("fp32", True), ("bf16", False)])
def test_a_larger_network_takes_no_more_than_twice_its_file(tmp_path: Path, dtype: str, spoiled: bool) -> None:
    """9 MiB (half of it as bf16), whole, and with a NaN in its very last value."""
    path = tmp_path / "larger.safetensors"
    save_checkpoint(HarmonizerNet(HarmonizerConfig(width=16)), path, facts={}, dtype=dtype)
    if spoiled:
        data = path.read_bytes()
        path.write_bytes(data[:-4] + struct.pack("<f", float("nan")))
        del data
    assert isinstance(attempt(path), CheckpointError) is spoiled


def test_our_own_headers_stay_far_below_the_limit(tmp_path: Path) -> None:
    """Of every width, and with facts as long as they may be."""
    widest = HarmonizerConfig(width=256, refine=(4, 4, 4, 4), ltl=(16, 32, 64))
    with torch.device("meta"):
        state = HarmonizerNet(widest).state_dict()
    far = 10**10
    entries = {k: {"dtype": "BF16", "shape": list(v.shape), "data_offsets": [far, far]} for k, v in state.items()}
    assert len(join(entries, b"")) + len(widest.to_json()) + HEADER_LIMIT // 4 < HEADER_LIMIT * 2 // 3
    net, path = HarmonizerNet(HarmonizerConfig(width=1)), tmp_path / "talkative.safetensors"
    save_checkpoint(net, path, facts={"x": '"' * (HEADER_LIMIT // 8 - 10)})  # each is escaped, and escaped again
    assert len(read_info(path).facts["x"]) > 16_000
    with pytest.raises(CheckpointError, match="facts must be at most"):
        save_checkpoint(net, path, facts={"x": "x" * HEADER_LIMIT})


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapped file would end the process here."""
    path = good_file(tmp_path)
    built = HarmonizerNet.__init__

    def shrinking(self: HarmonizerNet, config: HarmonizerConfig) -> None:
        os.truncate(path, path.stat().st_size // 2)
        built(self, config)

    monkeypatch.setattr(HarmonizerNet, "__init__", shrinking)
    with pytest.raises(CheckpointError, match="became shorter"):
        load_network(path)


def test_the_header_that_was_checked_is_the_one_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another file put in the place of the checked one is not looked at."""
    path = good_file(tmp_path)
    header, body = split(path.read_bytes())
    other = tmp_path / "other"
    other.write_bytes(join(header, b"\xff" * len(body)))
    wanted = load_network(path)[0].state_dict()
    built = HarmonizerNet.__init__

    def swapping(self: HarmonizerNet, config: HarmonizerConfig) -> None:
        if other.exists():
            other.replace(path)
        built(self, config)

    monkeypatch.setattr(HarmonizerNet, "__init__", swapping)
    read = load_network(path)[0].state_dict()
    assert not other.exists() and all(torch.equal(read[name], value) for name, value in wanted.items())


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "link.safetensors").symlink_to(tmp_path / "nowhere.safetensors")
    names = ["folder", "link"]
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe.safetensors")  # opening it would wait for ever
        (tmp_path / "endless.safetensors").symlink_to("/dev/zero")
        names += ["pipe", "endless"]
    for name in names:
        with pytest.raises(CheckpointError, match=name):
            load_network(tmp_path / f"{name}.safetensors")
