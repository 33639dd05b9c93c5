#!/usr/bin/env bash
# Renders deploy/manifests from the chart, one file for each of deploy/values.
#
# usage: scripts/render-manifests.sh [FOLDER]      default: deploy/manifests
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-deploy/manifests}
mkdir -p "$folder"
for values in deploy/values/*.yaml; do
    name=$(basename "$values" .yaml)
    {
        printf '# Rendered from charts/quorate with %s by scripts/render-manifests.sh: change those, not this.\n' "$values"
        grep '^#' "$values"
        # The test and the labels of a release have no meaning without Helm.
        .tools/chart/bin/helm-4 template quorate charts/quorate --namespace default --values "$values" --skip-tests |
            sed -e '/helm.sh\/chart:/d' -e '/app.kubernetes.io\/managed-by:/d'
    } >"$folder/$name.yaml"
done
