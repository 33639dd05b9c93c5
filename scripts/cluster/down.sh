# shellcheck shell=bash
# Ends a cluster, whatever became of it, and tells what remains.

down() {
    local pid folder
    thaw
    if pid=$(holder); then
        kill -KILL "$pid"
        # The kernel has ended everything below before the holder itself is gone.
        eventually 'the end of its processes' 30 is_gone "$pid"
    fi
    while read -r folder; do
        eventually "an empty $folder" 10 rmdir "$folder"
    done < <(cgroups)
    rm -rf --one-file-system "$STATE"
    remains || die "something of $CLUSTER remains"
}

is_gone() { [ ! -d "/proc/$1" ]; }

# The innermost first.
cgroups() { find /sys/fs/cgroup -depth -type d -path "*/$CGROUP*"; }

# A signal does not reach what a freezer of cgroup v1 holds.
thaw() {
    local freezer
    while read -r freezer; do
        echo THAWED >"$freezer"
    done < <(find /sys/fs/cgroup -path "*/$CGROUP*" -name freezer.state)
}

# Asks the kernel, not our own notes: processes that see the cluster's folder as theirs, mounts, links, cgroups, files.
remains() {
    local left
    left=$(
        cgroups
        grep -l -s -F -e "$STATE " -e "$STATE/" /proc/[0-9]*/mountinfo | sed "s|.*/\([0-9]*\)/mountinfo|process \1 has its folder mounted|"
        grep -l -s -z -x -F "CLUSTER_STATE=$STATE" /proc/[0-9]*/environ | sed "s|.*/\([0-9]*\)/environ|process \1 belongs to it|"
        [ ! -e "$STATE" ] || printf '%s\n' "$STATE"
    )
    [ -z "$left" ] || {
        printf '%s\n' "$left"
        return 1
    }
}
