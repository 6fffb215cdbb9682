"""Photographs with label maps made compact: which, in which order, how large, and with the same numbers."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regharm_core.training.data.photographs import load_photographs
from scripts.compact_pairs import main, pairs


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
    found = list(pairs(parts))
    assert [picture.size for picture, _ in found] == [(133, 100), (90, 120), (90, 120), (90, 120)]
    for n, (picture, labels) in enumerate(found, 3):
        assert labels.size == picture.size and abs(picture.getpixel((5, 5))[0] - 20 * n) < 4  # type: ignore[index]
        width = labels.width
        assert set(np.unique(np.asarray(labels)[:, : width // 2 - 1])) == {1}
        assert set(np.unique(np.asarray(labels)[:, width // 2 + 1 :])) == {7}
    assert len(load_photographs(parts)) == 4
