#!/usr/bin/env bash
# The parts of the comparison, one after the other so that none disturbs another. Runs inside `rivals with-servers`:
# BENCH_PORTS and BENCH_PIDS name the five servers. Each part prints JSON lines of bench/rivals/src/figure.rs.
#
# usage: bench/parts.sh [PROGRAM:PART…]      default: all
set -euo pipefail

[ $# -gt 0 ] || set -- rivals:bare quorate:election quorate:hand-over rivals:redlock rivals:etcd \
    quorate:exec-start quorate:exec-next quorate:crash quorate:quorum-loss quorate:idle quorate:exec-loss
for part in "$@"; do
    printf 'measuring: %s (load average %s)\n' "${part/:/ }" "$(cut -d ' ' -f 1 /proc/loadavg)" >&2
    case $part in
    rivals:*) bench/rivals/target/release/rivals "${part#*:}" ;;
    quorate:*) target/release/bench-quorate "${part#*:}" ;;
    *) printf 'no such part: %s\n' "$part" >&2 && exit 2 ;;
    esac
done
