"""``split`` and ``join``: the way there and back, and every way in which the parts can be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regharm_core import InputError
from regharm_core.cli import main
from regharm_core.store.shards import join_shards, split_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "w.safetensors"
    path.write_bytes(bytes(range(256)) * 10 + b"end")
    return path


def change(listed: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads(listed.read_text())
    edit(values)
    listed.write_text(json.dumps(values))


@pytest.mark.parametrize("limit", [2563, 2562, 1000, 100, 10**9])
def test_there_and_back(file: Path, tmp_path: Path, limit: int) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    listed = split_file(file, folder, limit)
    parts = sorted(p for p in folder.iterdir() if p != listed)
    assert len(parts) == -(-2563 // limit) and max(p.stat().st_size for p in parts) <= limit
    assert b"".join(p.read_bytes() for p in parts) == file.read_bytes()
    join_shards(listed, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    join_shards(split_file(tmp_path / "empty", tmp_path), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == b""


@pytest.mark.parametrize(("limit", "said"), [(0, "got 0 bytes"), (-5, "-5"), (1, "2563 shards")])
def test_limits_that_do_not_fit(file: Path, tmp_path: Path, limit: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        split_file(file, tmp_path, limit)
    assert list(tmp_path.iterdir()) == [file]


def test_parts_that_were_changed(file: Path, tmp_path: Path) -> None:
    listed = split_file(file, tmp_path, 1000)
    second = tmp_path / "w.safetensors.002"
    whole = second.read_bytes()
    for content in (whole[:-1], whole + b"x", b"", bytes([whole[0] ^ 1]) + whole[1:]):
        second.write_bytes(content)
        with pytest.raises(InputError, match=r"w\.safetensors\.002 is not what"):
            join_shards(listed, tmp_path / "again")
    second.unlink()
    with pytest.raises(InputError, match=r"cannot read the shard .*\.002"):
        join_shards(listed, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_lists_that_were_changed(file: Path, tmp_path: Path) -> None:
    listed = split_file(file, tmp_path, 1000)
    sound = listed.read_text()
    edits: list[tuple[Callable[[dict[str, Any]], object], str]] = [
        (lambda v: v["parts"].reverse(), "do not make the file"),
        (lambda v: v["parts"].pop(), "do not make the file"),
        (lambda v: v.update(sha256="0" * 64), "do not make the file"),
        (lambda v: v["parts"][0].update(sha256="0" * 64), r"\.001 is not what"),
        (lambda v: v["parts"][0].update(bytes=999), r"\.001 is not what"),
        (lambda v: v["parts"][0].update(bytes=True), "no list of shards"),
        (lambda v: v["parts"][0].pop("name"), "no list of shards"),
        (lambda v: v.update(parts=[]), "no list of shards"),
        (lambda v: v.update(parts={}), "no list of shards"),
        (lambda v: v.update(parts=7), "no list of shards"),
        (lambda v: v.pop("sha256"), "no list of shards"),
    ]
    for edit, said in edits:
        listed.write_text(sound)
        change(listed, edit)
        with pytest.raises(InputError, match=said):
            join_shards(listed, tmp_path / "again")
    for text in ("", "[]", "null", "{", "[" * 10**5, " " * 2**20 + sound):
        listed.write_text(text)
        with pytest.raises(InputError, match="list of shards"):
            join_shards(listed, tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    "name", ["../other", "/etc/passwd", "..", ".", "", "sub/part", "sub\\part", "C:part", "a\0b", "\ud800", 5, None]
)
def test_names_of_other_places(file: Path, tmp_path: Path, name: object) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    listed = split_file(file, folder, 10**6)
    (tmp_path / "other").write_bytes(file.read_bytes())  # even what has the right content is not looked for there
    change(listed, lambda v: v["parts"][0].update(name=name))
    with pytest.raises(InputError, match="names in its folder"):
        join_shards(listed, tmp_path / "again")


def test_the_commands(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, again = tmp_path / "new" / "parts", tmp_path / "again.safetensors"
    assert main(["split", str(file), "-o", str(folder), "--mib", "0.001"]) == 0
    listed = Path(capsys.readouterr().out.strip())
    assert listed == folder / "w.safetensors.shards.json" and len(list(folder.iterdir())) == 4
    assert main(["join", str(listed), "-o", str(again)]) == 0
    assert capsys.readouterr().out == f"{again}\n" and again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["split", "gone", "-o", "."], "gone"),
        (["split", "w.safetensors", "-o", ".", "--mib", "nan"], "nan"),
        (["split", "w.safetensors", "-o", ".", "--mib", "-1"], "-1"),
        (["split", "w.safetensors", "-o", ".", "--mib", "inf"], "inf"),
        (["split", "w.safetensors", "-o", ".", "--mib", "1e-9"], "got 0 bytes"),
        (["join", "gone.json", "-o", "out"], "gone.json"),
        (["join", "w.safetensors", "-o", "out"], "no list of shards"),
    ],
)
def test_commands_refuse_in_one_line(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(file.parent)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error and list(file.parent.iterdir()) == [file]


def test_what_is_joined_is_not_overwritten(file: Path, tmp_path: Path) -> None:
    listed = split_file(file, tmp_path, 1000)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for out in (listed, tmp_path / "w.safetensors.001", tmp_path / "." / "w.safetensors.003"):
        with pytest.raises(InputError, match="would overwrite what is joined"):
            join_shards(listed, out)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_list_that_is_too_long_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "w.shards.json").write_bytes(b" " * (2 << 20))
    with pytest.raises(InputError, match="is too long for a list of shards"):
        join_shards(tmp_path / "w.shards.json", tmp_path / "w")
