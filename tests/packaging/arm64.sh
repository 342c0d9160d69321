#!/bin/sh
# Unpacks an arm64 Python of this machine's Debian into a folder (first argument), for qemu-aarch64-static -L. Uses this machine's
# own apt sources, and changes nothing of its apt or dpkg. Downloads about 20 MB.
set -eu
mkdir -p "$1"
root=$(cd "$1" && pwd)
[ -f "$root/complete" ] && exit 0
mkdir -p "$root/apt/lists/partial" "$root/apt/archives/partial"
: > "$root/apt/status"
arm64() {
    apt-get -q -y -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Install-Recommends=0 -o Dir::State="$root/apt" \
        -o Dir::State::status="$root/apt/status" -o Dir::State::lists="$root/apt/lists" -o Dir::Cache="$root/apt" \
        -o Dir::Cache::archives="$root/apt/archives" -o APT::Sandbox::User=root "$@"
}
arm64 update
arm64 --download-only install python3 ca-certificates
for package in "$root"/apt/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
rm -rf "$root/apt"
touch "$root/complete"
