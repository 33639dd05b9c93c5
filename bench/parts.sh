#!/usr/bin/env bash
# The parts of the comparison, one after the other so that none disturbs another. Runs inside `rivals with-servers`:
# BENCH_PORTS and BENCH_PIDS name the five servers. Each part prints JSON lines of bench/rivals/src/figure.rs.
set -euo pipefail

rivals=bench/rivals/target/release/rivals
for part in bare redlock etcd; do
    printf 'measuring: %s\n' "$part" >&2
    "$rivals" "$part"
done
