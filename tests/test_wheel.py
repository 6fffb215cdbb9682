"""``pip install .``: what a wheel holds, and that it works where there is no repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from regharm import NEEDED
from regharm_core.cli import main

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "assets" / "samples"
KEPT_OUT = ("nodes", "tests", "benchmarks", "scripts")
FOLDERS = ("regharm_core", "weights", "licenses", *KEPT_OUT)
SDIST = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
SCRIPTS, SUFFIX = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")


def said(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What a command answers that imports from its own environment only, on one thread."""
    plain = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")} | {"OMP_NUM_THREADS": "1"}
    return subprocess.run([str(c) for c in command], cwd=cwd, env=plain, capture_output=True, text=True)


def done(*command: str | Path, cwd: Path) -> str:
    """What a command prints that must succeed."""
    answer = said(*command, cwd=cwd)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def wheel_of(source: Path, out: Path) -> Path:
    """The wheel of a folder or a source archive, made with the setuptools that is here: no network is asked."""
    options = ("--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", out)
    done(sys.executable, "-m", "pip", "wheel", source, *options, cwd=out.parent)
    (wheel,) = out.glob("*.whl")
    return wheel


def copied(to: Path) -> Path:
    """A copy of the repository to build in: a build leaves files behind, and later builds would use them."""
    to.mkdir()
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, to)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    return to


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the folder, as ``pip install .`` builds it."""
    try:
        recent = int(version("setuptools").split(".")[0]) >= 77
        version("pip")
    except PackageNotFoundError:
        recent = False
    if not recent:
        pytest.skip("a wheel is built by pip with setuptools 77 or newer: pip install pip 'setuptools>=77'")
    place = tmp_path_factory.mktemp("built")
    return wheel_of(copied(place / "source"), place / "wheel")


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and pip."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True, symlinks=os.name != "nt")
    python = folder / SCRIPTS / f"python{SUFFIX}"
    done(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=folder)
    return folder


@pytest.fixture
def with_torch(environment: Path) -> Iterator[Path]:
    """The same, and it may import what the tests run on; its own packages are looked at first."""
    (packages,) = (p.parent for p in environment.rglob("regharm.py"))
    lent = packages / "lent.pth"
    # Folders named in a .pth file are searched, but .pth files in them (the repository's own) are not read.
    lent.write_text("".join(f"{p}\n" for p in sys.path if p.endswith(("site-packages", "dist-packages"))))
    yield environment
    lent.unlink()


def test_a_wheel_holds_the_core_and_its_weights(wheel: Path, tmp_path: Path) -> None:
    """And nothing else. A wheel made from a source archive holds the same."""
    wanted = {"regharm.py", "regharm_core/weights/MODEL_CARD.md"}
    wanted |= {p.relative_to(ROOT).as_posix() for p in (ROOT / "regharm_core").rglob("*.py")}
    wanted |= {f"regharm_core/weights/{p.name}" for p in (ROOT / "weights").glob("*.safetensors")}
    wanted |= {f"DIST/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt")}
    wanted |= {f"DIST/licenses/{name}" for name in ("LICENSE", "NOTICE", "licenses/Apache-2.0.txt")}
    with zipfile.ZipFile(wheel) as file:
        assert {re.sub(r"^[^/]*\.dist-info", "DIST", name) for name in file.namelist()} == wanted
        checksums = {info.filename: info.CRC for info in file.infolist()}
        (name,) = (name for name in checksums if name.endswith("/METADATA"))
        asked = [str(a) for a in message_from_bytes(file.read(name)).get_all("Requires-Dist", [])]
    assert all("extra ==" in a for a in asked)  # ComfyUI brings its own
    assert [a.split(";")[0] for a in asked if '"core"' in a] == list(NEEDED.values())
    done(sys.executable, "-c", SDIST, tmp_path, cwd=copied(tmp_path / "source"))
    (archive,) = tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel_of(archive, tmp_path / "wheel")) as file:
        assert {info.filename: info.CRC for info in file.infolist()} == checksums


def test_without_torch_the_command_says_what_to_install(environment: Path, tmp_path: Path) -> None:
    answer = said(environment / SCRIPTS / f"regharm{SUFFIX}", "--help", cwd=tmp_path)
    assert answer.returncode == 2 and answer.stdout == ""
    assert answer.stderr == (
        "error: torch is not installed; regharm needs: pip install torch numpy pillow safetensors einops\n"
    )


def test_the_command_does_what_the_repository_does(with_torch: Path, tmp_path: Path) -> None:
    asked = ["harmonize", str(SAMPLES / "cup.png"), str(SAMPLES / "cup_mask.png"), "--device", "cpu", "-o"]
    done(with_torch / SCRIPTS / f"regharm{SUFFIX}", *asked, "installed.png", cwd=tmp_path)
    assert main([*asked, str(tmp_path / "repository.png")]) == 0
    made = (tmp_path / "installed.png").read_bytes()
    assert made == (tmp_path / "repository.png").read_bytes() != (SAMPLES / "cup.png").read_bytes()


def test_all_of_it_is_the_installed_one(with_torch: Path, tmp_path: Path) -> None:
    """The core, its weights and its training; and a mistake ends as it does in the repository."""
    script = """
import sys, regharm, regharm_core.pipeline as pipeline
print(pipeline.__file__, pipeline.default_weights(), sep="\\n")
for sys.argv in (["regharm", "tables", "--list"], ["regharm", "harmonise"]):
    status = regharm.main()
    assert status == 0, status
"""
    answer = said(with_torch / SCRIPTS / f"python{SUFFIX}", "-c", script, cwd=tmp_path)
    module, weights, row, *_ = answer.stdout.splitlines()
    assert Path(module).is_relative_to(with_torch.resolve())
    assert Path(weights).parent == Path(module).parent / "weights"
    assert row.startswith("Table 2")
    assert answer.returncode == 2 and answer.stderr.startswith("error: ") and answer.stderr.count("\n") == 1
    assert answer.stderr.endswith("(see regharm --help)\n")
