#!/usr/bin/env bash
# What may not be committed: paths of one machine, hosts of package registries, work left for later, checks that
# cannot fail.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
refuse() { # sentence, pattern, paths…
    local sentence=$1 pattern=$2
    shift 2
    if git grep -nIE -e "$pattern" -- "$@"; then
        printf '^ %s\n\n' "$sentence" >&2
        failed=1
    fi
}

refuse 'a path of one machine: make it relative, or find it out' \
    '(^|[^[:alnum:]_.-])/(work|root|home)/' . ':!*.lock'
refuse 'the host of a package registry: clients know theirs' \
    '(registry\.npmjs|proxy\.golang|sum\.golang|pythonhoste[d]|pypi\.org/simple|deb\.debian|repo1?\.maven|(static|index)\.crates)\b' . ':!*.lock'
refuse 'left for later: do it, or file it' \
    '\b(tod[o]!|unimplemente[d]!|db[g]!)|\b(TO[D]O|FIXM[E]|XX[X])\b|#\[ignor[e]\]' '*.rs' '*.sh' '*.toml' '*.md' Makefile .ci
refuse 'a check that cannot fail' '\|\| *true\b' '*.sh' Makefile .ci

exit "$failed"
