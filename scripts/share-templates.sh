#!/usr/bin/env bash
# Writes what the library chart has in common with the chart, under names of its own: a parent may depend on both, in
# different versions.
#
# usage: scripts/share-templates.sh [FOLDER]      default: charts/quorate-sidecar
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-charts/quorate-sidecar}
mkdir -p "$folder/templates" "$folder/files"
{
    printf '{{/* Written from templates of charts/quorate by scripts/share-templates.sh: change those, not this. */}}\n'
    for name in timing configuration voter-keys guard-voters guard-upgrade rules; do
        printf '\n'
        sed 's/"quorate\./"quorate-sidecar./g' "charts/quorate/templates/_$name.tpl"
    done
} >"$folder/templates/_shared.tpl"
cp charts/quorate/files/alerts.yaml "$folder/files/alerts.yaml"
