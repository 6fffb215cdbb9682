#!/usr/bin/env bash
# Training on a GPU that is lent for minutes, in calls of their own: photographs come in parts, training goes on between.
#
#   scripts/gpu.sh take FOLDER            move FOLDER/*.tar, which came with this call, to $WORK, and decode them there
#   scripts/gpu.sh start RECIPE [MORE]    train RECIPE in the background on all that has come; goes on from its state
#   scripts/gpu.sh look SECONDS OUT       wait, show the log, copy the averaged weights (fp16) to OUT
#   scripts/gpu.sh stop                   end what runs in the background; the training's last checkpoint stays
#
# The recipe's data, out and start are replaced: what is decoded in $WORK, $WORK/run, and $START (default: the bundled
# weights). MORE is more JSON for the recipe, e.g. '{"seconds": 500}'. $WORKERS processes (8) decode at $SIDE px (224);
# $SALIENCE is what they find regions with (scripts/decode_parts.py), $SURFACES the share of photographs that also get
# regions of walls, hills and the like (0.3). $REPEAT, a name and a number like 'masked-*:4', shows what came in those
# tars so many times as often as the rest. All of them run from a copy in $WORK/code, since a call may write the
# checkout anew under their feet. Needs torch, numpy, pillow, safetensors, einops and scipy.
#
# Rehearsed on a CPU with the same words:
#   WORK=runs/rehearsal DEVICE=cpu scripts/gpu.sh start recipes/regharm-gpu.json \
#     '{"seconds": 10, "bf16": false, "phases": [{"size": 64, "batch": 8, "share": 1}]}'
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "${WORK:=/tmp/regharm}"
WORK=$(realpath "$WORK")
START=$(realpath "${START:-weights/regharm.safetensors}")
SALIENCE=${SALIENCE:+$(realpath "$SALIENCE")}
PYTHON=${PYTHON:-python3}
case "$PYTHON" in */*) PYTHON=$(realpath -s "$PYTHON") ;; esac
SIDE=${SIDE:-224}        # px a side at which photographs are kept in memory
WORKERS=${WORKERS:-8}    # processes that decode
PATIENCE=${PATIENCE:-90} # seconds that start waits for what is still being decoded

code() { # a copy that stays as it is
  if [ ! -d "$WORK/code" ]; then
    mkdir -p "$WORK/code/weights"
    cp -r regharm_core scripts "$WORK/code/"
    cp weights/regharm.safetensors "$WORK/code/weights/" # its eye finds regions
  fi
  [ -z "$SALIENCE" ] || cp -u "$SALIENCE" "$WORK/code/salience.safetensors"
  cd "$WORK/code"
}

decode() { # until nothing has come for so many seconds
  local salience=()
  [ ! -e "$WORK/code/salience.safetensors" ] || salience=(--salience "$WORK/code/salience.safetensors" --surfaces "${SURFACES:-0.3}")
  OMP_NUM_THREADS=1 nice -n 5 "$PYTHON" -m scripts.decode_parts "$WORK" --side "$SIDE" --wait "$1" "${salience[@]}"
}

missing() { # the tars that are not decoded yet
  for part in "$WORK"/*.tar; do [ -e "${part%.tar}.safetensors" ] || [ ! -e "$part" ] || echo "$part"; done
}

running() { # how many processes decode
  local count=0
  for pid in $(cat "$WORK/workers" 2>/dev/null); do kill -0 "$pid" 2>/dev/null && count=$((count + 1)); done
  echo "$count"
}

case "${1:-}" in
take)
  mv "$2"/*.tar "$WORK/"
  code
  for _ in $(seq $((WORKERS - $(running)))); do
    setsid nohup scripts/gpu.sh decode 120 >>"$WORK/decoding" 2>&1 </dev/null &
    echo $! >>"$WORK/workers"
  done
  sleep 1 # what has no session of its own when the call ends is killed
  ;;
decode)
  code
  decode "$2"
  ;;
start)
  recipe=$(realpath "$2")
  code
  cp "$START" start.safetensors
  for _ in $(seq $((PATIENCE * 2))); do
    [ -z "$(missing)" ] && break
    sleep 0.5
  done
  [ -z "$(missing)" ] || decode 0 >>"$WORK/decoding" 2>&1 # whose processes were lost
  "$PYTHON" - "$recipe" "${3:-{\}}" "$WORK" "${REPEAT:-}" <<'PYTHON' >"$WORK/recipe.json"
import json
import sys
from pathlib import Path

recipe, more, work = json.loads(Path(sys.argv[1]).read_text()), json.loads(sys.argv[2]), Path(sys.argv[3])
data = sorted(str(path) for path in work.glob("[!.]*.safetensors"))  # no half-written ones
name, _, times = sys.argv[4].rpartition(":")
if name:
    data += sorted(str(path) for path in work.glob(name + ".safetensors")) * (int(times) - 1)
start = str(work / "code" / "start.safetensors")
json.dump(recipe | {"data": data, "out": str(work / "run"), "start": start} | more, sys.stdout, indent=1)
PYTHON
  PYTHONUNBUFFERED=1 setsid nohup "$PYTHON" -m regharm_core train "$WORK/recipe.json" --device "${DEVICE:-cuda}" \
    >>"$WORK/log" 2>&1 </dev/null &
  echo $! >"$WORK/pid"
  ;;
look)
  out=$(realpath -m "$3")
  code
  for _ in $(seq "$2"); do
    sleep 1
    kill -0 "$(cat "$WORK/pid")" 2>/dev/null || break
  done
  tail -n 12 "$WORK/log"
  mkdir -p "$out"
  cp "$WORK/log" "$out/"
  [ -e "$WORK/run/weights.safetensors" ] || exit 0
  "$PYTHON" - "$WORK/run/weights.safetensors" "$out/weights.safetensors" <<'PYTHON'
import sys
from pathlib import Path

from regharm_core.store.checkpoint import load_network, save_checkpoint

net, info = load_network(Path(sys.argv[1]))
save_checkpoint(net, Path(sys.argv[2]), facts=info.facts, dtype="fp16")
print(Path(sys.argv[2]).stat().st_size, "bytes,", info.facts["images"], "composites")
PYTHON
  ;;
stop)
  for pid in $(cat "$WORK/pid" "$WORK/workers" 2>/dev/null); do kill -- "-$pid" 2>/dev/null || kill "$pid" 2>/dev/null || true; done
  ;;
*)
  sed -n '2,20p' "$0"
  exit 2
  ;;
esac
