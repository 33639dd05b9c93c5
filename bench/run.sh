#!/usr/bin/env bash
# Measures Quorate and its alternatives in one run: the same machine, the same minutes, the same five Redis servers.
#
# usage: bench/run.sh [PROGRAM:PART…]      parts of bench/parts.sh; default: all, in some fifteen minutes
#   BENCH_QUICK=1         few samples, in some two minutes: shows that everything runs, measures little
#   BENCH_RESULTS=FILE    one JSON line a figure (default target/bench.jsonl)
#   BENCH_GROUPS=N        groups of five servers at once, where quorums are lost
#
# Ends with 0 also where a figure misses what was asked for, which the table says; not where a leader was told to lead
# past its validity.
set -euo pipefail
cd "$(dirname "$0")/.."

results=${BENCH_RESULTS:-target/bench.jsonl}
mkdir -p "$(dirname "$results")"
cargo build --release --locked --quiet
cargo build --release --locked --quiet --manifest-path bench/rivals/Cargo.toml
cargo build --release --locked --quiet --package bench-quorate

printf 'on %s cores of %s, %s, load average %s\n\n' "$(nproc)" \
    "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)" "$(redis-server --version | sed 's/ sha=.*//')" \
    "$(cut -d ' ' -f 1-3 /proc/loadavg)"
status=0
bench/rivals/target/release/rivals with-servers bench/parts.sh "$@" >"$results" || status=$?
bench/rivals/target/release/rivals table <"$results"
printf '\nthe same for machines: %s\n' "$results"
exit "$status"
