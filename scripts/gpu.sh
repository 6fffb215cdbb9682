#!/usr/bin/env bash
# Training on a GPU that is lent for minutes, in calls of their own: photographs come in parts, training goes on between.
#
#   scripts/gpu.sh take FOLDER            move FOLDER/*.tar, which came with this call, to $WORK, and decode them there
#   scripts/gpu.sh start RECIPE [MORE]    train RECIPE in the background on all that has come; goes on from its state
#   scripts/gpu.sh look SECONDS OUT       wait, show the log, copy the averaged weights (fp16) to OUT
#   scripts/gpu.sh stop                   end the training in the background; its last checkpoint stays
#
# Photographs are kept at $SIDE px (224). $DECODE TAR SIDE, a Python script, decodes where it is set: it may find regions.
# The recipe's data, out and start are replaced: what is decoded in $WORK, $WORK/run, and $START (default: what the CPU
# has reached). MORE is more JSON for the recipe, e.g. '{"seconds": 500}'. Needs torch, numpy, pillow, safetensors,
# einops. Several small tar files in a FOLDER are decoded faster than one: each by a process of its own.
#
# Rehearsed on a CPU with the same words:
#   WORK=runs/rehearsal DEVICE=cpu scripts/gpu.sh start recipes/regharm-gpu.json \
#     '{"seconds": 10, "bf16": false, "phases": [{"size": 64, "batch": 8, "share": 1}]}'
set -euo pipefail
cd "$(dirname "$0")/.."
WORK=${WORK:-/tmp/regharm}
START=${START:-weights/regharm.safetensors}
PYTHON=${PYTHON:-python3}
SIDE=${SIDE:-224}         # px a side at which photographs are kept in memory
PATIENCE=${PATIENCE:-90} # seconds that start waits for what is still being decoded
mkdir -p "$WORK"

decode() { # a tar of photographs, beside it
  [ -z "${DECODE:-}" ] || { "$PYTHON" "$DECODE" "$1" "$SIDE"; return; }
  "$PYTHON" - "$1" "$SIDE" <<'PYTHON'
import sys
from pathlib import Path

from regharm_core.training.data.decoded import save_decoded
from regharm_core.training.data.photographs import load_photographs

path = Path(sys.argv[1])
read = load_photographs([path], side=int(sys.argv[2]))
save_decoded(read.images, read.labels, path.with_suffix(".safetensors"))
print(path.name, len(read), flush=True)
PYTHON
}

missing() { # the tars that are not decoded yet
  for part in "$WORK"/*.tar; do [ -e "${part%.tar}.safetensors" ] || [ ! -e "$part" ] || echo "$part"; done
}

case "${1:-}" in
take)
  for part in "$2"/*.tar; do
    mv "$part" "$WORK/"
    setsid nohup scripts/gpu.sh decode "$WORK/$(basename "$part")" >>"$WORK/decoding" 2>&1 </dev/null &
  done
  sleep 1 # what has no session of its own when the call ends is killed
  ;;
decode)
  decode "$2"
  ;;
start)
  for _ in $(seq $((PATIENCE * 2))); do
    [ -z "$(missing)" ] && break
    sleep 0.5
  done
  missing | while read -r part; do decode "$part"; done # whose process was lost
  "$PYTHON" - "$2" "${3:-{\}}" "$WORK" "$START" <<'PYTHON' >"$WORK/recipe.json"
import json
import sys
from pathlib import Path

recipe, more, work, start = json.loads(Path(sys.argv[1]).read_text()), json.loads(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
data = sorted(str(path) for path in work.glob("[!.]*.safetensors"))  # no half-written ones
json.dump(recipe | {"data": data, "out": str(work / "run"), "start": start} | more, sys.stdout, indent=1)
PYTHON
  PYTHONUNBUFFERED=1 setsid nohup "$PYTHON" -m regharm_core train "$WORK/recipe.json" --device "${DEVICE:-cuda}" \
    >>"$WORK/log" 2>&1 </dev/null &
  echo $! >"$WORK/pid"
  ;;
look)
  for _ in $(seq "$2"); do
    sleep 1
    kill -0 "$(cat "$WORK/pid")" 2>/dev/null || break
  done
  tail -n 12 "$WORK/log"
  mkdir -p "$3"
  cp "$WORK/log" "$3/"
  [ -e "$WORK/run/weights.safetensors" ] || exit 0
  "$PYTHON" - "$WORK/run/weights.safetensors" "$3/weights.safetensors" <<'PYTHON'
import sys
from pathlib import Path

from regharm_core.store.checkpoint import load_network, save_checkpoint

net, info = load_network(Path(sys.argv[1]))
save_checkpoint(net, Path(sys.argv[2]), facts=info.facts, dtype="fp16")
print(Path(sys.argv[2]).stat().st_size, "bytes,", info.facts["images"], "composites")
PYTHON
  ;;
stop)
  kill "$(cat "$WORK/pid")" 2>/dev/null || true
  ;;
*)
  sed -n '2,18p' "$0"
  exit 2
  ;;
esac
