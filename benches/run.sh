#!/usr/bin/env bash
# Runs every benchmark and prints the table of README.md anew. `--write` puts it into README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
# The cameras of `growth`.
cargo build -q --release -p camera-sim >&2
cargo bench -q -p benches -- --noplot --warm-up-time 1 --measurement-time 3 >&2
python3 benches/table.py "$@"
