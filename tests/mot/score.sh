#!/usr/bin/env bash
# Scores the tracker on MOT sequences with py-motmetrics 1.4 at IoU 0.5 and prints SORT's figures beside.
# Usage: tests/mot/score.sh [FOLDER]; FOLDER holds one folder a sequence (default: the shared test material).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-${SAFECITY_ASSETS:-$root/../shared/assets}/mot}
if [ ! -d "$folder" ]; then
    echo "skipped: ../shared/assets is not here"
    exit 0
fi
venv=$root/.cache/motmetrics
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c "import motmetrics" 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --only-binary :all: "motmetrics==1.4.0"
fi
results=$root/.cache/mot-results
(cd "$root" && cargo build --quiet -p tests --bin mot)
"${CARGO_TARGET_DIR:-$root/target}/debug/mot" "$results" "$folder"/*/
"$venv/bin/python" "$root/tests/mot/score.py" "$results" "$folder"
