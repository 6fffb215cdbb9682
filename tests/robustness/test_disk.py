"""A full disk and a kill in the middle of writing: the former file stays whole, and the next start works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from regharm_core import HarmonizerConfig, HarmonizerNet, InputError
from regharm_core.cli import main
from regharm_core.store.files import replacing
from regharm_core.training.run import lock
from regharm_core.training.run.state import load_state

ROOT = Path(__file__).resolve().parents[2]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="no limits, signals or fork on Windows")

# Each kind of file is written into the current folder with a number, and read back; reading fails unless it is whole.
WRITERS = """
import json, os, random, resource, signal, sys, time
from pathlib import Path
import numpy as np, torch
from PIL import Image
from regharm_core import HarmonizerConfig, HarmonizerNet, save_checkpoint
from regharm_core.store.checkpoint import load_network
from regharm_core.media.picture import Picture
from regharm_core.media.reading import read_picture
from regharm_core.media.writing import write_picture
from regharm_core.store.shards import join_shards, split_file
from regharm_core.training.run.state import load_state, save_state
import regharm_core.store.files as files

torch.set_num_threads(1)
net = HarmonizerNet(HarmonizerConfig(width=1, refine=(0, 0, 0, 0), gated=False, view=64))
optimizer = torch.optim.Adam(net.parameters())
noise = torch.rand(1, 3, 90, 90, generator=torch.Generator().manual_seed(0))

def write_weights(n):
    save_checkpoint(net, Path("weights.safetensors"), facts={"n": n})

def read_weights():
    return load_network(Path("weights.safetensors"))[1].facts["n"]

def write_state(n):
    numbers = {"step": n, "images": 0, "elapsed": 0}
    save_state(Path("state.safetensors"), net, net, optimizer, torch.get_rng_state(), numbers)

def read_state():
    return load_state(Path("state.safetensors"), net, net, optimizer)[1]["step"]

def picture(suffix, depth):
    path = Path(f"picture{depth}{suffix}")

    def write(n):
        pixels = noise.clone()
        pixels[..., :40] = n * 10 / 255
        write_picture(path, pixels, Picture(pixels, None, depth))

    return write, lambda: round(float(read_picture(path).pixels[..., :10, :10].mean()) * 25.5)

KINDS = {"weights": (write_weights, read_weights), "state": (write_state, read_state)}
for suffix, depth in ((".png", 8), (".jpg", 8), (".webp", 8), (".tif", 8), (".png", 16), (".tif", 16)):
    KINDS[f"picture{depth}{suffix}"] = picture(suffix, depth)
    KINDS[f"picture{depth}{suffix}"][0](0)
"""

FULL = """
def sizes():
    return {p.name: p.stat().st_size for p in Path().iterdir()}

def limit(most):
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

for name, (write, read) in KINDS.items():
    write(1)
    before = sizes()
    length = next(size for path, size in before.items() if path.startswith(name))
    for most in (0, 1, 100, length // 2, length - 1):
        limit(most)
        try:
            write(1 if most == length - 1 else 2)
            raise SystemExit(f"{name}: {length} bytes written where {most} fit")
        except OSError as error:
            assert str(error).count("cannot write " + name) == 1, error
        finally:
            limit(resource.RLIM_INFINITY)
        assert read() == 1 and sizes() == before, name
    write(3)
    assert read() == 3, name
print(json.dumps(sorted(KINDS)))
"""

KILLED = """
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def half(self, data):
    with self.open("wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        die()

def half_tensors(tensors, path, **_):
    half(path, b"x" * 10_000)

PLACES = {
    "half written": lambda: (setattr(Path, "write_bytes", half), setattr(files, "save_file", half_tensors)),
    "before it is on the disk": lambda: setattr(os, "fsync", die),
    "before it is renamed": lambda: setattr(Path, "replace", die),
}
rng, killed = random.Random(0), 0
for name, (write, read) in KINDS.items():
    write(1)
    for place, prepare in [*PLACES.items(), *((f"at {n}", None) for n in range(4))]:
        child = os.fork()
        if child == 0:
            if prepare:
                prepare()
            while True:
                write(2)
        if prepare is None:
            time.sleep(rng.uniform(0.001, 0.05))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (name, place)
        assert read() == 1 if prepare else read() in (1, 2), (name, place)
        write(1)
        killed += 1
    write(3)  # what was left behind is in nobody's way
    assert read() == 3, name
left = [p.name for p in Path().iterdir() if p.name.startswith(".")]
assert len(left) >= 2 * len(KINDS), left
print(json.dumps([sorted(KINDS), killed]))
"""


def run(script: str, folder: Path) -> object:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WRITERS + script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@POSIX
def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    """The system's own limit on a file's size: no encoder is trusted to notice."""
    kinds = run(FULL, tmp_path)
    assert isinstance(kinds, list) and {"weights", "state", "picture8.jpg", "picture8.tif"} <= set(kinds)


@POSIX
def test_a_kill_at_any_point_keeps_a_whole_file(tmp_path: Path) -> None:
    answer = run(KILLED, tmp_path)
    assert isinstance(answer, list) and answer[1] == 7 * len(answer[0]) >= 42


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError, SystemExit])
def test_what_interrupts_a_write_leaves_the_old_file(tmp_path: Path, kind: type[BaseException]) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"old")
    with pytest.raises(kind), replacing(path) as temporary:
        temporary.write_bytes(b"half of the n")
        raise kind
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


HOLDER = """
import sys
from pathlib import Path
from regharm_core.training.run.lock import only_process
with only_process(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_train_into_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second one's command ends with a line that names the folder; the dead let go."""
    (tmp_path / "recipe.json").write_text(json.dumps({"data": ["x.tar"], "out": str(tmp_path), "steps": 1}))
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="another process is training"), lock.only_process(tmp_path):
            pass
        assert main(["train", str(tmp_path / "recipe.json"), "--device", "cpu"]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and f"another process is training into {tmp_path}" in said
        holder.kill()
    with lock.only_process(tmp_path):
        pass


def test_a_state_from_elsewhere_is_refused(tmp_path: Path) -> None:
    """Neither weights nor a picture are taken for a training state."""
    net = HarmonizerNet(HarmonizerConfig(width=1))
    for name, data in (("empty", b""), ("zeros", b"\0" * 4096), ("text", b"hello" * 100)):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(data)
        with pytest.raises(ValueError, match=name):
            load_state(path, net, net, torch.optim.Adam(net.parameters()))
