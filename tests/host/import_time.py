"""What the pack adds to the host's start: ComfyUI and torch are loaded first, then the pack is timed.

    COMFYUI_PATH=... COMFYUI_PYTHON=... python -m tests.host.import_time [RUNS]

Every run is a process of its own. Seconds on the clock and seconds of the processor, which a busy machine does
not stretch.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

PACK = Path(__file__).resolve().parents[2]

INSIDE = """
import asyncio, importlib.util, json, sys, time
pack = sys.argv.pop()
sys.argv[1:] = ["--cpu"]
import comfy.options
comfy.options.enable_args_parsing()
import torch, nodes, server, execution, folder_paths, comfy.model_management, comfy.model_patcher, comfy_api.latest
clock, processor = time.perf_counter(), time.process_time()
spec = importlib.util.spec_from_file_location("pack", pack + "/__init__.py", submodule_search_locations=[pack])
module = sys.modules["pack"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
async def load():
    extension = await module.comfy_entrypoint()
    await extension.on_load()
    return [node.GET_SCHEMA().node_id for node in await extension.get_node_list()]
names = asyncio.run(load())
facts = {"clock": time.perf_counter() - clock, "processor": time.process_time() - processor, "nodes": names}
print("FACTS" + json.dumps(facts))
"""


def measure(checkout: Path, python: str) -> dict[str, float]:
    """One run: seconds on the clock, seconds of the processor."""
    command = [python, "-c", INSIDE, str(PACK)]
    done = subprocess.run(
        command, cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)}, capture_output=True, text=True
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("FACTS")]
    if not lines:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(lines[0].removeprefix("FACTS"))


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    checkout, python = Path(os.environ["COMFYUI_PATH"]), os.environ.get("COMFYUI_PYTHON", sys.executable)
    found = [measure(checkout, python) for _ in range(runs)]
    for kind in ("clock", "processor"):
        seconds = sorted(run[kind] for run in found)
        middle = statistics.median(seconds)
        sys.stdout.write(f"{kind}: median {middle:.3f} s, {seconds[0]:.3f} to {seconds[-1]:.3f} s in {runs} runs\n")


if __name__ == "__main__":
    main()
