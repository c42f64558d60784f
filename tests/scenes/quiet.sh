#!/usr/bin/env bash
# Counts false alarms on quiet streets, hour by hour of media time: an hour is rendered, evaluated and deleted before the
# next. Prints them by camera, day and rule; exits 1 where a rule has more than one for a camera and day.
# Usage: tests/scenes/quiet.sh HOURS [CAMERAS]     HOURS: how many from midnight on, or some of them, as in 7,8,19
# QUIET_FOLDER: where results are kept (.cache/quiet); an hour whose result lies there is not run again.
# QUIET_JOBS: hours at a time (1). QUIET_SECONDS: length of an hour (3600).
set -euo pipefail
hours=${1:?usage: tests/scenes/quiet.sh HOURS [CAMERAS]}
cameras=${2:-1}
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
export folder=${QUIET_FOLDER:-$root/.cache/quiet} seconds=${QUIET_SECONDS:-3600}
export bin=${QUIET_BIN:-${CARGO_TARGET_DIR:-$root/target}/debug}
[ -n "${QUIET_BIN:-}" ] || cargo build --quiet --bins -p camera-sim -p edge-agent
mkdir -p "$folder"

one_hour() {
    camera=$1 hour=$2
    name=quiet-$camera-$(printf %02d "$hour")
    [ -s "$folder/$name.json" ] && return
    work=$(mktemp -d "$folder/$name.XXXX")
    trap 'rm -rf "$work"' EXIT
    "$bin/camera-sim" quiet --camera "$camera" --hour "$hour" --seconds "$seconds" >"$work/$name.toml"
    "$bin/camera-sim" case "$work/$name.toml" "$work/$name"
    # Gated as a node's cameras are; the default model, as it ships.
    "$bin/edge-agent" evaluate "$work/$name" --jobs 1 --gate motion --alarms "$folder/alarms" \
        --camera-settings tests/scenes/camera-settings.toml --json >"$work/result.json"
    mv "$work/result.json" "$folder/$name.json"
    tests/scenes/quiet.py --line "$folder/$name.json" "$work/$name.toml" >&2
}
export -f one_hour

case $hours in
*,*) list=${hours//,/ } ;;
*) list=$(seq 0 $((hours - 1))) ;;
esac
for camera in $(seq "$cameras"); do
    for hour in $list; do echo "$camera $hour"; done
done | xargs -P "${QUIET_JOBS:-1}" -L 1 bash -euo pipefail -c 'one_hour "$0" "$1"'
exec tests/scenes/quiet.py "$folder"
