#!/usr/bin/env bash
# Fuzzes the loader of configurations: run.sh [EXECUTIONS], ten million without it. Seeds are the example, the presets and every
# fixture. Needs no nightly toolchain; libFuzzer's sources come with the crate libfuzzer-sys.
set -euo pipefail
cd "$(dirname "$0")"
runs=${1:-10000000}
host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/../../target/fuzz}
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
cargo build --release --target "$host" --bin config
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
i=0
for seed in ../../config/*.toml ../../config/presets/*.toml ../tests/fixtures/config/*.toml ../tests/fixtures/config/*/*.toml; do
  cp "$seed" "$corpus/$((i += 1))"
done
# Every key and every word that means something.
dictionary=$corpus.dict
trap 'rm -rf "$corpus" "$dictionary"' EXIT
grep -ohE '"[a-z][a-z0-9_-]+"' ../../config/*.schema.json | sort -u >"$dictionary"
"$CARGO_TARGET_DIR/$host/release/config" -runs="$runs" -max_len=4096 -timeout=5 -rss_limit_mb=2048 -dict="$dictionary" \
  -print_final_stats=1 -artifact_prefix="$PWD/" "$corpus"
