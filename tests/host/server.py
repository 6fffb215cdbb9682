"""A real ComfyUI with the pack in its custom_nodes, started for the tests and spoken to over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

PACK = Path(__file__).resolve().parents[2]
NAME = "regional-harmonizer"
START_SECONDS = 600  # a machine with ten times more to do than processors needs minutes
RUN_SECONDS = 600


class Server:
    """One host in a state folder of its own; only loopback, only the CPU."""

    def __init__(self, checkout: Path, state: Path) -> None:
        self.checkout, self.state = checkout, state
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        for folder in ("custom_nodes", "input", "output", "temp", "user", "models/harmonizers"):
            (state / folder).mkdir(parents=True)
        try:
            (state / "custom_nodes" / NAME).symlink_to(PACK, target_is_directory=True)
        except OSError:  # Windows without developer mode
            shutil.copytree(PACK, state / "custom_nodes" / NAME)
        self.log = state / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        python = os.environ.get("COMFYUI_PYTHON", sys.executable)
        command = [python, "main.py", "--cpu", "--listen", "127.0.0.1", "--port", str(self.port)]
        command += ["--base-directory", str(self.state), "--disable-auto-launch"]
        command += os.environ.get("COMFYUI_ARGS", "").split()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=self.checkout, stdout=log, stderr=subprocess.STDOUT)
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                break
            try:
                self.get("/system_stats")
                return
            except OSError:
                time.sleep(0.3)
        self.stop()
        raise RuntimeError("ComfyUI did not start:\n" + self.log.read_text(errors="replace")[-3000:])

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def processor_seconds(self) -> float:
        """What the server has used of the processors so far, where Linux tells; else infinite."""
        assert self.process is not None
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return float("inf")
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def raw(self, path: str, body: Any = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 (loopback only)
                return answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read().decode(errors='replace')[:2000]}") from None

    def get(self, path: str) -> Any:
        return json.loads(self.raw(path))

    def queue(self, prompt: dict[str, Any]) -> str:
        return json.loads(self.raw("/prompt", {"prompt": prompt}))["prompt_id"]

    def wait(self, prompt_id: str) -> dict[str, Any]:
        """The history entry of a prompt that has ended, however it ended."""
        limit = time.monotonic() + RUN_SECONDS
        while time.monotonic() < limit:
            if entry := self.get(f"/history/{prompt_id}").get(prompt_id):
                return entry
            time.sleep(0.02)
        raise AssertionError(f"no end after {RUN_SECONDS} s; log:\n{self.log.read_text(errors='replace')[-2000:]}")

    def run(self, prompt: dict[str, Any]) -> dict[str, Any]:
        """Queue, wait, insist on success; the outputs by node."""
        entry = self.wait(self.queue(prompt))
        assert entry["status"]["status_str"] == "success", json.dumps(entry["status"], indent=1)[-3000:]
        return entry["outputs"]

    def picture(self, shown: dict[str, str]) -> bytes:
        query = "&".join(f"{key}={shown[key]}" for key in ("filename", "subfolder", "type"))
        return self.raw(f"/view?{query}")


def events(entry: dict[str, Any]) -> list[str]:
    """What happened to a prompt, in order."""
    return [message[0] for message in entry["status"]["messages"]]


def to_prompt(flow: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    """A saved workflow as the front end would queue it; enough for the pack's own examples."""
    prompt: dict[str, Any] = {}
    for node in flow["nodes"]:
        if node["type"] == "MarkdownNote" or node["mode"] in (2, 4):
            continue
        slots = {slot["name"]: slot for slot in node["inputs"]}
        values = list(node["widgets_values"])
        inputs: dict[str, Any] = {}
        for group in ("required", "optional"):
            for name in info[node["type"]].get("input_order", {}).get(group, []):
                kind, *rest = info[node["type"]]["input"][group][name]
                settings = rest[0] if rest else {}
                has_widget = isinstance(kind, list) or kind in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
                if has_widget or kind.startswith("COMFY_DYNAMICCOMBO"):
                    if not values:  # an input that came after the workflow was saved keeps its default
                        continue
                    inputs[name] = values.pop(0)
                    if settings.get("control_after_generate"):
                        values.pop(0)
                elif kind == "IMAGECOMPARE":
                    inputs[name] = None
                if (link := slots.get(name, {}).get("link")) is not None and (origin := _origin(flow, link)):
                    inputs[name] = list(origin)
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs}
    return prompt


def _origin(flow: dict[str, Any], number: int) -> tuple[str, int] | None:
    """Where a link comes from: a bypassed node hands on its first input of the same type."""
    _, node_id, slot, _, _, kind = next(link for link in flow["links"] if link[0] == number)
    node = next(n for n in flow["nodes"] if n["id"] == node_id)
    if node["mode"] == 0:
        return str(node_id), slot
    given = [s["link"] for s in node["inputs"] if s["type"] == kind and s["link"] is not None]
    return _origin(flow, given[0]) if given else None
