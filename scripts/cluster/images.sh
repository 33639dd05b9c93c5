#!/usr/bin/env bash
# Builds the images of the test cluster, target/cluster-images: ours (after `make static`), one with the programs that the
# chart's voters and the tests' workers need, and what holds a pod's namespaces.
#
# usage: scripts/cluster/images.sh [pause] [redis] [quorate]
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=target/cluster-images
version=$(sed -n 's/^appVersion: "\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' charts/quorate/Chart.yaml)

image() { # archive, name, more
    python3 scripts/cluster/image.py --out "$folder/$1.tar" --name "$2" "${@:3}"
}

mkdir -p "$folder"
[ $# -gt 0 ] || set -- pause redis quorate
for which in "$@"; do
    case $which in
        pause) image pause quorate.test/pause:1 --entry /pause .tools/cluster/bin/pause=/pause ;;
        redis)
            image redis quorate.test/redis:7.0 --program redis-server --program redis-cli --program sh --program bash \
                --program cat --program sed --program tr --program sleep --program wget
            ;;
        quorate)
            [ -x target/static/quorate ] || {
                printf 'cluster: there is no target/static/quorate: make static\n' >&2
                exit 1
            }
            image quorate "docker.io/library/quorate:$version" --entry /quorate --user 65532:65532 \
                target/static/quorate=/quorate
            ;;
    esac
done
