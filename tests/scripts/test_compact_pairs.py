"""Photographs with label maps made compact: which, in which order, how large, and with the same numbers."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regharm_core.training.data.photographs import decode_pair, encoded_pairs, load_photographs
from scripts.compact_pairs import main


def write(path: Path, numbers: range, size: tuple[int, int]) -> None:
    """Photographs of one grey each, their left half region 1 and their right half region 7."""
    with tarfile.open(path, "w") as archive:
        for n in numbers:
            labels = np.ones((size[1], size[0]), np.uint8)
            labels[:, size[0] // 2 :] = 7
            for suffix, kind, picture in (
                ("webp", "WEBP", Image.new("RGB", size, (20 * n,) * 3)),
                ("png", "PNG", Image.fromarray(labels)),
            ):
                file = io.BytesIO()
                picture.save(file, kind, lossless=True)
                member = tarfile.TarInfo(f"{n:03d}.{suffix}")
                member.size = file.tell()
                file.seek(0)
                archive.addfile(member, file)


def test_photographs_become_small_and_their_regions_keep_their_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a.tar", range(1, 4), (400, 300))
    write(tmp_path / "b.tar", range(4, 7), (90, 120))
    out = tmp_path / "out"
    words = [str(out), "few", str(tmp_path / "a.tar"), str(tmp_path / "b.tar"), "--side", "100", "--skip", "2"]
    main([*words, "--part-mib", "0.002"])
    assert capsys.readouterr().out == "few\t4\n"
    parts = sorted(out.iterdir())
    assert [p.name for p in parts] == [f"few-{n:03d}.tar" for n in range(len(parts))] and len(parts) > 1
    found = [decode_pair(*pair, lambda size: size) for part in parts for pair in encoded_pairs(part)]
    assert [picture.size for picture, _ in found] == [(133, 100), (90, 120), (90, 120), (90, 120)]
    for n, (picture, labels) in enumerate(found, 3):
        assert labels.size == picture.size and abs(picture.getpixel((5, 5))[0] - 20 * n) < 4  # type: ignore[index]
        width = labels.width
        assert set(np.unique(np.asarray(labels)[:, : width // 2 - 1])) == {1}
        assert set(np.unique(np.asarray(labels)[:, width // 2 + 1 :])) == {7}
    assert len(load_photographs(parts)) == 4


def test_a_photograph_that_lies_on_its_side_is_set_upright_with_its_regions(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it to the right to see it upright
    upright = np.zeros((60, 40, 3), np.uint8)
    upright[:20] = 250  # a light sky
    labels = np.zeros((60, 40), np.uint8)
    labels[:20] = 3
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind, values, more in (
            ("a.webp", "WEBP", np.rot90(upright), {"exif": exif}),
            ("a.png", "PNG", labels, {}),
        ):
            file = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(values)).save(file, kind, lossless=True, **more)
            member = tarfile.TarInfo(name)
            member.size = file.tell()
            file.seek(0)
            archive.addfile(member, file)
    main([str(tmp_path / "out"), "one", str(tmp_path / "a.tar"), "--side", "20"])
    once, again = (load_photographs([path], side=32) for path in (tmp_path / "a.tar", tmp_path / "out" / "one-000.tar"))
    assert float((once.images.float() - again.images.float()).abs().mean()) < 6
    light = (again.images.float().mean(1, keepdim=True) > 125).float()
    assert float((light - (again.labels == 3).float()).abs().mean()) < 0.05


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("bad.webp", "bad.png"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(SystemExit, match="bad.webp"):
        main([str(tmp_path / "out"), "bad", str(tmp_path / "a.tar")])


def test_what_is_read_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "a-000.tar", range(1, 3), (400, 300))
    before = (tmp_path / "a-000.tar").read_bytes()
    with pytest.raises(SystemExit):
        main([str(tmp_path), "a", str(tmp_path / "a-000.tar"), "--side", "100"])
    assert "would overwrite" in capsys.readouterr().err and (tmp_path / "a-000.tar").read_bytes() == before
