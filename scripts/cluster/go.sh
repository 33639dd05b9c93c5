#!/usr/bin/env bash
# Prints a Go that is new enough for scripts/cluster/programs. Any Go since 1.21 fetches the pinned toolchain by itself; an
# older one fetches it as the module that it is; where there is none, Debian's serves for that.
set -euo pipefail
cd "$(dirname "$0")/../.."

wanted=$(sed -n 's/^toolchain //p' scripts/cluster/programs/go.mod)

die() {
    printf 'cluster: %s\n' "$*" >&2
    exit 1
}

switches_by_itself() { # go
    (cd scripts/cluster/programs && "$1" version) >/dev/null 2>&1 && "$1" env GOTOOLCHAIN 2>/dev/null | grep -q .
}

toolchain_from_module() { # go
    local folder
    case $(uname -m) in
        x86_64) folder=linux-amd64 ;;
        aarch64) folder=linux-arm64 ;;
        *) die "no Go for $(uname -m) here: install Go ${wanted#go} and put it into PATH" ;;
    esac
    local module=golang.org/toolchain@v0.0.1-$wanted.$folder
    (cd / && GOFLAGS=-modcacherw "$1" mod download "$module") >&2 ||
        die "Go could not fetch $module: install Go ${wanted#go} and put it into PATH"
    folder=$("$1" env GOMODCACHE)/$module
    # A module's files are no programs until somebody says so.
    find "$folder/bin" "$folder/pkg/tool" -type f -exec chmod +x {} +
    printf '%s/bin/go\n' "$folder"
}

if found=$(command -v go); then
    :
elif [ -x /usr/local/go/bin/go ]; then
    found=/usr/local/go/bin/go
else
    scripts/tools.sh golang >&2
    found=$(command -v go)
fi
if switches_by_itself "$found"; then
    printf '%s\n' "$found"
else
    toolchain_from_module "$found"
fi
