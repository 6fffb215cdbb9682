"""The host's own web page opened in Chromium without a window, with a small script of ours run inside it.

The script is an extension of the page, laid into custom_nodes before the host starts. It asks the page's own stores
and leaves its answer in the host's user data, where the test fetches it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.host.server import Server

ANSWER = "regharm_probe.json"
WORDS = ["color transfer", "match lighting", "match color", "cutout", "tone", "poisson", "blend", "paste", "inpaint"]
WORDS += ["relight", "composite"]
PAGE_SECONDS = 300  # a machine with ten times more to do than processors needs minutes
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage")
ALONE = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic")
ONLY_HERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"

PROBE = """
import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";

const words = WORDS;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// What a node says after its graph was made anew by Undo, though its last run is known.
async function undone(stores) {
  const node = LiteGraph.createNode("RegHarmSample");
  app.graph.add(node);
  const tracker = stores.get("workflow").activeWorkflow.changeTracker;
  tracker.checkState();
  app.nodeOutputs = { [node.id]: { text: ["one run"], caution: ["one doubt"] } };
  node.pos = [500, 500];
  tracker.checkState();
  await tracker.undo();
  await wait(500);
  const made = app.graph.getNodeById(node.id);
  return { anew: made !== node, said: made.widgets.find((widget) => widget.name === "status").element.innerText };
}

async function answer() {
  const stores = document.querySelector("#vue-app").__vue_app__.config.globalProperties.$pinia._s;
  while (!stores.get("nodeDef")?.nodeDefsByName?.RegHarmHarmonize) await wait(200);
  // How often nodes are used: the page loads it a little later, and ranks with it.
  for (let n = 0; n < 150 && !stores.get("nodeFrequency")?.isLoaded; n++) await wait(200);
  const often = stores.get("nodeFrequency");
  const found = { ranked: Boolean(often?.isLoaded), lists: {} };
  for (const word of words) {
    const list = stores.get("nodeDef").nodeSearchService.searchNode(word, [], { limit: 64 });
    const use = (name) => often?.getNodeFrequencyByName?.(name) ?? 0;
    found.lists[word] = list.map((node) => [node.name, node.display_name, use(node.name)]);
  }
  found.again = await undone(stores);
  await api.storeUserData("ANSWER", found);
}

app.registerExtension({
  name: "RegionalHarmonizer.Probe",
  setup() {
    answer(); // not awaited: the page finishes its own start first
  },
});
"""


def browser() -> str | None:
    """Chromium's program, if this machine has one."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def add_probe(state: Path) -> None:
    """Lay the script into a host that has not started yet."""
    folder = state / "custom_nodes" / "probe"
    (folder / "js").mkdir(parents=True)
    (folder / "__init__.py").write_text('NODE_CLASS_MAPPINGS = {}\nWEB_DIRECTORY = "./js"\n', encoding="utf-8")
    script = PROBE.replace("WORDS", json.dumps(WORDS)).replace("ANSWER", ANSWER)
    (folder / "js" / "probe.js").write_text(script, encoding="utf-8")


def ask(server: Server, program: str) -> Any:
    """Open the page and return what the script found."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program, *QUIET, *ALONE, ONLY_HERE, f"--user-data-dir={profile}", "--remote-debugging-port=0"]
        page = subprocess.Popen(
            [*command, f"http://127.0.0.1:{server.port}/"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            limit = time.monotonic() + PAGE_SECONDS
            while time.monotonic() < limit:
                try:
                    return server.get(f"/userdata/{ANSWER}")
                except AssertionError:  # not there yet
                    time.sleep(0.5)
        finally:
            page.terminate()
            page.wait(30)
    raise AssertionError(f"the page gave no answer within {PAGE_SECONDS} s")
