"""What C libraries print is caught, and only that."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from regharm_core import InputError
from regharm_core.media.quiet import quiet
from regharm_core.media.reading import read_picture
from tests.media.corpus.openimageio import saved
from tests.media.corpus.row import scene


def test_inside_nothing_is_heard(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, b"before ")
    with quiet(), quiet():
        os.write(2, b"noise ")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"


def test_blocks_may_overlap_in_threads(capfd: pytest.CaptureFixture[str]) -> None:
    inside, leave = threading.Event(), threading.Event()

    def long() -> None:
        with quiet():
            inside.set()
            leave.wait()

    other = threading.Thread(target=long)
    other.start()
    inside.wait()
    with quiet():
        leave.set()
        other.join()
        os.write(2, b"noise")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_what_goes_wrong_inside_goes_on(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="inside"), quiet():
        raise ValueError("inside")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_a_broken_file_is_an_error_without_noise(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """libpng, libtiff and OpenEXR each have something to say about such files."""
    for name in ("cut.png", "cut.tif", "cut.exr", "cut.jxl"):
        saved(tmp_path / name, scene("float16") if name.endswith("exr") else scene("uint16"))
        whole = (tmp_path / name).read_bytes()
        for keep in (len(whole) // 3, len(whole) * 2 // 3, len(whole) - 30):
            (tmp_path / name).write_bytes(whole[:keep])
            with pytest.raises(InputError, match=name):
                read_picture(tmp_path / name)
    assert capfd.readouterr().err == ""


def test_a_process_without_a_standard_error(tmp_path: Path) -> None:
    saved(tmp_path / "in.tif", scene("uint16"))
    script = (
        "import os, sys; os.close(2)\nfrom pathlib import Path\nfrom regharm_core.media.reading import read_picture\n"
    )
    script += f"print(read_picture(Path({str(tmp_path / 'in.tif')!r})).depth)"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "16\n"
