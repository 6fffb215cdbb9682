"""Nothing is fetched and nothing is sent: import, load and run open no socket."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys

def watch(event, arguments):
    if event.startswith("socket."):
        raise SystemExit(f"{event} {arguments}")

sys.addaudithook(watch)
import torch
import regharm_core
from regharm_core.cli import main

net = regharm_core.HarmonizerNet(regharm_core.HarmonizerConfig(width=1, view=64))
regharm_core.save_checkpoint(net, __import__("pathlib").Path(sys.argv[1]), facts={})
model = regharm_core.load_harmonizer(sys.argv[1])
mask = torch.zeros(1, 1, 32, 32)
mask[..., 8:20, 8:20] = 1
regharm_core.harmonize(model, torch.rand(1, 3, 32, 32), mask)
assert main(["info", sys.argv[1]]) == 0
print("quiet")
"""


def test_no_socket(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "net.safetensors")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "quiet" in done.stdout, done.stderr


PACK = (
    SCRIPT.split("import torch")[0]
    + """
from pathlib import Path
import torch
from tests.nodes.fakes import Host, load_pack

def finished(coroutine):  # an event loop would open a socket of its own
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise SystemExit("it waits for something")

host = Host(Path(sys.argv[1]))
sys.modules.update(host.modules())
extension = finished(load_pack().comfy_entrypoint())
finished(extension.on_load())
nodes = {node.define_schema().node_id: node for node in finished(extension.get_node_list())}
(model,) = nodes["RegHarmLoad"].execute("regharm-lite.safetensors", "fp32").args
image, mask = torch.rand(1, 40, 40, 3), torch.zeros(1, 40, 40)
mask[:, 8:20, 8:20] = 1
nodes["RegHarmHarmonize"].execute(model, image, mask, 1.0)
nodes["RegHarmAttention"].execute(model, image, mask, "PTL", 0.6, "inferno")
print("quiet")
"""
)


def test_no_socket_from_the_nodes(tmp_path: Path) -> None:
    """The pack loaded as ComfyUI does, the bundled weights, both nodes."""
    command = [sys.executable, "-c", PACK, str(tmp_path / "models")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "quiet" in done.stdout, done.stderr


def test_the_watch_would_notice() -> None:
    script = SCRIPT.split("import torch")[0] + "import socket\nsocket.socket().connect(('127.0.0.1', 9))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "socket." in done.stderr
