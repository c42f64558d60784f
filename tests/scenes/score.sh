#!/usr/bin/env bash
# Scores the alarms of a model on every scene that ships: renders their cases once (.cache/cases) and evaluates them.
# Usage: tests/scenes/score.sh [ARGUMENTS OF edge-agent evaluate]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
bin=${CARGO_TARGET_DIR:-$root/target}/debug
cargo build --quiet --bins
cases=$root/.cache/cases
mkdir -p "$cases"
for file in camera-sim/scenes/*.toml; do
    name=$(basename "$file" .toml)
    # What a picture looks like follows from the scene and camera-sim's source: another source, another clip.
    stamp=$(find camera-sim/src "$file" -type f -print0 | sort -z | xargs -0 cat | sha256sum | cut -c1-16)
    if [ "$(cat "$cases/$name/stamp" 2>/dev/null)" != "$stamp" ]; then
        rm -rf "${cases:?}/$name"
        echo "$name: rendering" >&2
        "$bin/camera-sim" case "$name" "$cases/$name"
        echo "$stamp" >"$cases/$name/stamp"
    fi
done
"$bin/edge-agent" evaluate "$cases" --camera-settings tests/scenes/camera-settings.toml "$@"
