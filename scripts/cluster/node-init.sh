#!/usr/bin/env bash
# The process that holds a node's network, mounts and host name. A node has a /run, /var/lib and /var/log of its own, so
# that its programs may use their usual paths, and mounts that containers may share with it.
#
# usage: node-init.sh NODE
set -euo pipefail
own=/run/cluster/state/node-$1

hostname "node-$1"
mount -t tmpfs -o mode=755 node /mnt
mkdir -p /mnt/cluster /mnt/lock "$own/lib" "$own/log"
mount --rbind /run/cluster /mnt/cluster
mount --no-mtab --move /mnt /run
mount --bind "$own/lib" /var/lib
mount --bind "$own/log" /var/log
mount --make-rshared /
ip link set lo up
: >"$own/held"
exec sleep infinity
