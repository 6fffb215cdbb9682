"""From repositories and folders to tar files: what is taken, once, and what is left out."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from regharm_core.network.eye import CHANNELS
from regharm_core.training.data.photographs import load_photographs
from scripts import decode_parts, gather_photographs, salience
from scripts.gather_photographs import main, read_list
from scripts.salience import Salience, load_salience, save_salience
from tests.training.conftest import photographs as photographs  # noqa: PLC0414 (the fixture)


def write(path: Path, seed: int, size: tuple[int, int] = (300, 220)) -> None:
    """A picture with many colours, as a photograph has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC).save(path)


def gathered(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A repository and a folder, and the list that names them."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    repository, folder = tmp_path / "repository", tmp_path / "folder"
    for n in range(5):
        write(repository / "images" / f"{n}.jpg", n)
    shutil.copy(repository / "images" / "0.jpg", repository / "images" / "again.jpg")
    write(repository / "other" / "9.jpg", 9)
    write(repository / "images" / "small.jpg", 10, (180, 300))
    write(repository / "images" / "held.jpg", 11)
    (repository / "images" / "broken.jpg").write_bytes(b"no picture")
    flat = Image.new("RGB", (300, 220), (250, 250, 250))
    flat.paste(Image.open(repository / "images" / "1.jpg").resize((60, 60)), (120, 80))
    flat.save(repository / "images" / "on white.jpg")
    drawing = Image.new("RGB", (300, 220), (200, 40, 40))
    drawing.paste((20, 60, 220), (0, 0, 150, 220))
    drawing.save(repository / "images" / "drawing.png")
    write(tmp_path / "held" / "held.png", 11)
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "pictures"]):
        subprocess.run([*git, *words], check=True)  # noqa: S603
    for n in range(3):
        write(folder / "deep" / f"{n}.PNG", 20 + n)
    listed = tmp_path / "list.tsv"
    listed.write_text(f"# two sources\n{repository}\t^images/.*\\.(jpg|png)$\n\n{folder}\t\\.png$\t2\n")
    return listed


def test_photographs_of_a_repository_and_a_folder(sources: Path, tmp_path: Path, capsys) -> None:
    without = ["--without", str(tmp_path / "held"), "--side", "96"]
    main([str(tmp_path / "all"), str(sources), *without])
    said = capsys.readouterr()
    assert [line.split("\t")[1] for line in said.out.splitlines()] == ["5", "2"]
    assert "broken.jpg cannot be read" in said.err
    assert gathered(tmp_path / "all") == ["more-000.tar"]
    read = load_photographs([tmp_path / "all" / "more-000.tar"], side=96)
    assert len(read) == 7 and not read.labels.any()

    for share in ("0/2", "1/2"):
        main([str(tmp_path / "shared"), str(sources), *without, "--share", share, "--name", share[0]])
    halves = [load_photographs([tmp_path / "shared" / f"{n}-000.tar"], side=96).images for n in (0, 1)]
    both = torch.cat(halves).flatten(1)
    assert {bytes(row.numpy()) for row in both} == {bytes(row.numpy()) for row in read.images.flatten(1)}
    main([str(tmp_path / "small"), str(sources), *without, "--part-mib", "0.003"])
    assert len(gathered(tmp_path / "small")) > 1 and all(n.endswith(".tar") for n in gathered(tmp_path / "small"))


@pytest.mark.parametrize("line", ["/somewhere", "/somewhere\t(", "/somewhere\t.*\tmany"])
def test_a_line_that_is_no_source_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_text(f"/fine\t.*\n{line}\n")
    with pytest.raises(SystemExit, match="line 2"):
        read_list(tmp_path / "list.tsv")


def test_a_share_that_is_none_is_named(tmp_path: Path) -> None:
    for share in ("2/2", "1", "a/b"):
        with pytest.raises(SystemExit, match="--share"):
            gather_photographs.main([str(tmp_path), str(tmp_path / "list.tsv"), "--share", share])


def test_parts_are_decoded_and_given_regions_where_they_have_none(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """Of the photographs that have regions these stay; the others get what the salience finds, here: the left half."""
    write(tmp_path / "in" / "0.png", 1)
    (tmp_path / "list.tsv").write_text(f"{tmp_path / 'in'}\t.*\n")
    work = tmp_path / "work"
    main([str(work), str(tmp_path / "list.tsv"), "--side", "96"])
    shutil.copy(photographs, work / "known.tar")
    (work / "bad.tar").write_bytes(b"nothing")
    torch.manual_seed(0)
    save_salience(Salience(torch.randn(4, sum(CHANNELS), 2, 2)), tmp_path / "salience")
    assert load_salience(tmp_path / "salience").mean.shape == (1, sum(CHANNELS), 1, 1)
    half = torch.full((1, 1, 24, 24), -9.0)
    half[..., :12] = 9.0
    monkeypatch.setattr(Salience, "forward", lambda _, features: half.expand(len(features), -1, -1, -1))
    monkeypatch.setattr(salience, "SEEN", 96)
    decode_parts.main([str(work), "--side", "96", "--salience", str(tmp_path / "salience"), "--wait", "0"])
    assert "1 photographs, 1 with regions" in capsys.readouterr().out
    found = load_photographs([work / "more-000.safetensors"]).labels[0, 0]
    assert found[:, :40].eq(1).all() and not found[:, 56:].any()
    known, plain = load_photographs([work / "known.safetensors"]), load_photographs([photographs], side=96)
    assert torch.equal(known.labels, plain.labels) and torch.equal(known.images, plain.images)
    assert not (work / "bad.safetensors").exists()
    (work / "more-000.safetensors").unlink()
    more = ["--salience", str(tmp_path / "salience"), "--wait", "0", "--surfaces", "1"]
    decode_parts.main([str(work), "--side", "96", *more])
    both = load_photographs([work / "more-000.safetensors"]).labels[0, 0]
    assert torch.equal(both == 1, found == 1) and both[:, 56:].any()  # what lies beside the object has regions too


def test_surfaces_need_salience_and_a_share(tmp_path: Path, capsys) -> None:
    for words in (["--surfaces", "0.5"], ["--surfaces", "1.5", "--salience", "x"]):
        with pytest.raises(SystemExit):
            decode_parts.main([str(tmp_path), *words])
        assert "--surfaces is a share of 0 to 1 and needs --salience" in capsys.readouterr().err


def test_what_another_process_holds_is_left_to_it(photographs: Path, tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl", reason="needs a system with flock")
    shutil.copy(photographs, tmp_path / "a.tar")
    with (tmp_path / "a.tar").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not decode_parts.take_one(tmp_path, 64, None, set())
    assert decode_parts.take_one(tmp_path, 64, None, set())
    assert not decode_parts.take_one(tmp_path, 64, None, set())
