#!/usr/bin/env bash
# From nothing to models/street-nano: renders frames, trains, exports, checks, prints the figures of the model card.
#
#   models/training/train.sh [WORK]       WORK (default models/training/work) holds frames and checkpoints
#
# Stopped at any time, it goes on where it was. FRAMES, HELD, PICTURES and JOBS may be set in the environment.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${1:-$here/work}
frames=${FRAMES:-6000}
held=${HELD:-800}
pictures=${PICTURES:-240000}
jobs=${JOBS:-$(nproc)}
mkdir -p "$work"
work=$(cd "$work" && pwd)

python=$work/venv/bin/python
if ! cmp -s "$here/requirements.txt" "$work/venv/installed.txt"; then
    python3 -m venv "$work/venv"
    "$python" -m pip install --quiet --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$work/venv/installed.txt"
fi

# render NAME COUNT SEED: a folder counts once its labels, which are written last, are there
render() {
    if [ ! -f "$work/$1/labels.jsonl" ]; then
        "$root/target/release/camera-sim" frames --count "$2" --seed "$3" --out "$work/$1" --jobs "$jobs"
    fi
}
cargo build --manifest-path "$root/Cargo.toml" --release --package camera-sim
render street "$frames" 1
render street-held "$held" 1000001

cd "$here"
"$python" train.py "$work/street" --work "$work" --pictures "$pictures" --threads "$jobs"
"$python" export.py "$work/checkpoint.pt" "$root/models/street-nano"
"$python" score.py "$root/models/street-nano/street-nano.onnx" "$work/street-held"
"$python" latency.py "$root/models/street-nano/street-nano.onnx"
