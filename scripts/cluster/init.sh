#!/usr/bin/env bash
# The first process of a cluster. Before anything else it tells who it is, so that whatever is begun can be ended; then it
# makes a /run of its own, with the three folders that the cluster knows: where they are on the host plays no part.
#
# usage: init.sh STATE PROGRAMS SCRIPTS
set -euo pipefail

# /proc is still the host's here: these are the numbers by which the host knows us.
read -r stat </proc/self/stat
read -ra fields <<<"${stat##*) }"
printf '%s %s\n' "${stat%% *}" "${fields[19]}" >"$1/holder.new"
mv "$1/holder.new" "$1/holder"

mount -t proc proc /proc
mount -t tmpfs -o mode=755 cluster /mnt
mkdir -p /mnt/cluster/{state,bin,scripts,pids} /mnt/lock
mount --bind "$1" /mnt/cluster/state
mount --bind "$2" /mnt/cluster/bin
mount --bind "$3" /mnt/cluster/scripts
mount --no-mtab --move /mnt /run
ip link set lo up
: >"/run/cluster/state/held"

# Whoever is orphaned in here becomes our child, and a shell that waits reaps them all.
sleep infinity &
wait
