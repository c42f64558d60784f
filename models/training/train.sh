#!/usr/bin/env bash
# Trains the bundled street models from nothing: renders frames, trains, exports in fp32 and int8, prints the figures.
#
# Usage: train.sh [WORK]
#   SIZES="nano small"   which sizes
#   FRAMES=12000 HELD=800 PICTURES=300000 JOBS=2
#   CLIPS="a.mp4 b.mp4" TEACHER=yolox_nano_416x416.onnx   real clips to learn from too, and the model that labels them
# Stopped at any time it goes on where it was when started again.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${1:-$here/work}
sizes=${SIZES:-nano small}
frames=${FRAMES:-12000}
held=${HELD:-800}
pictures=${PICTURES:-300000}
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

folders=("$work/street")
if [ -n "${CLIPS:-}" ]; then
    read -ra clips <<<"$CLIPS"
    for i in "${!clips[@]}"; do clips[i]=$(realpath "${clips[i]}"); done
    teacher=$(realpath "${TEACHER:?CLIPS needs TEACHER, a YOLOX model to label them with}")
    if [ ! -f "$work/real/labels.jsonl" ]; then
        (cd "$here" && "$python" pseudo.py "$teacher" "$root/models/coco80.txt" "$work/real" "${clips[@]}")
    fi
    folders+=("$work/real")
fi

cd "$here"
for size in $sizes; do
    name=street-$size
    start=()
    if [ "$size" = small ] && [ -f "$work/street-nano/checkpoint.pt" ]; then
        start=(--start-from "$work/street-nano/checkpoint.pt")  # it grows out of the smaller one
    fi
    "$python" train.py "${folders[@]}" --size "$size" --work "$work/$name" --pictures "$pictures" --threads "$jobs" "${start[@]}"
    "$python" export.py "$work/$name/checkpoint.pt" "$root/models/$name" --size "$size"
    "$python" export.py "$work/$name/checkpoint.pt" "$root/models/$name-int8" --size "$size" --int8 "$work/street"
    for model in "$name" "$name-int8"; do
        echo "$model"
        "$python" score.py "$root/models/$model/$model.onnx" "$work/street-held"
    done
done
"$python" latency.py "$root"/models/street-*/street-*.onnx
