#!/usr/bin/env bash
# Writes what the program is made of, as CycloneDX: every crate that is built in and the macros that they use, none that
# only a build script or a test needs. The same commit gives the same bytes.
#
# usage: scripts/sbom.sh FILE
set -euo pipefail
cd "$(dirname "$0")/.."

# The tool writes beside the manifest of each package of the workspace, whichever is asked for: it gets a copy.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
git ls-files -z -- '*.rs' '*Cargo.toml' Cargo.lock | tar --create --null --files-from=- | tar --extract --directory "$scratch"
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
(cd "$scratch" && "$OLDPWD/.tools/sbom/bin/cargo-cyclonedx" cyclonedx --quiet --format json --spec-version 1.5 \
    --describe binaries --no-build-deps --target x86_64-unknown-linux-gnu)
mkdir -p "$(dirname "$1")"
sed "s|path+file://$scratch#|cargo:|" "$scratch/quorate_bin.cdx.json" >"$1"
