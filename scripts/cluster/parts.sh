# shellcheck shell=bash
# The programs of a cluster: each has a name, by which it is started, stopped, and finds its log.

# Every part that can be stopped and started, with the function that starts it.
start_part() { # part
    case ${1:-} in
        etcd | apiserver | controllers | scheduler | dns) "start_$1" ;;
        containerd-[12] | kubelet-[12] | proxy-[12]) "start_${1%-*}" "${1#*-}" ;;
        *) die "${1:-nothing}: no such part; there are etcd apiserver controllers scheduler dns, and containerd- kubelet- proxy- of nodes 1 and 2" ;;
    esac
}

run() { # part, command…
    local part=$1
    shift
    ! recorded "/run/cluster/pids/$part" >/dev/null || return 0
    setsid "$@" >>"log/$part.log" 2>&1 </dev/null &
    printf '%s %s\n' "$!" "$(started_at "$!")" >"/run/cluster/pids/$part"
}

stop_part() { # part
    local pid
    [ -e "/run/cluster/pids/${1:-}" ] || die "${1:-nothing}: no such part runs"
    if pid=$(recorded "/run/cluster/pids/$1"); then
        kill -TERM "$pid"
        (eventually "a clean end of $1" 5 is_over "$1") 2>/dev/null || kill -KILL "$pid"
        eventually "the end of $1" 10 is_over "$1"
    fi
    rm "/run/cluster/pids/$1"
}

is_over() { ! recorded "/run/cluster/pids/$1"; }
