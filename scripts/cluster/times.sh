# shellcheck shell=bash
# Processes are known by their number and when they started, so that one that got a number again is not taken for it.

started_at() { # pid
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    local fields
    # The name, in parentheses, may have blanks; what follows has none. The twentieth of the rest.
    read -ra fields <<<"${stat##*) }"
    [ "${fields[0]}" != Z ] || return 1
    printf '%s\n' "${fields[19]}"
}

# Whether what was written down runs: a file with a number and a time.
recorded() { # file; prints the number
    local pid time
    { read -r pid time <"$1"; } 2>/dev/null || return 1
    [ "$(started_at "$pid")" = "$time" ] || return 1
    printf '%s\n' "$pid"
}

eventually() { # what, seconds, command…
    local what=$1 until=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || die "$what: not in time; see target/cluster/$CLUSTER/log"
        sleep 0.1
    done
}
