#!/usr/bin/env bash
# Measures Quorate and its alternatives in one run: the same machine, the same minute, the same five Redis servers.
#
# usage: bench/run.sh [RESULTS]      one JSON line a figure is also written to RESULTS (default target/bench.jsonl)
set -euo pipefail
cd "$(dirname "$0")/.."

results=${1:-target/bench.jsonl}
mkdir -p "$(dirname "$results")"
cargo build --release --locked --quiet --manifest-path bench/rivals/Cargo.toml

printf 'on %s cores of %s, %s\n\n' "$(nproc)" "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)" \
    "$(redis-server --version | sed 's/ sha=.*//')"
bench/rivals/target/release/rivals with-servers bench/parts.sh >"$results"
bench/rivals/target/release/rivals table <"$results"
printf '\nthe same for machines: %s\n' "$results"
