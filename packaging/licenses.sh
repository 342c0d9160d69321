#!/bin/sh
# Prints bindings/python/THIRD_PARTY_LICENSES.txt: what is linked into the library, with versions and the texts of the licences,
# found by go-licenses, which also refuses a licence of another kind. Run by `make licenses`.
set -eu
cd "$(dirname "$0")/.."
go=${GO:-go}
tool=github.com/google/go-licenses@v1.6.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOFLAGS=-tags=netgo,osusergo,fleet CGO_ENABLED=1
$go run $tool check ./capi --allowed_licenses=MIT,Apache-2.0,BSD-3-Clause,BSD-2-Clause 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
$go run $tool save ./capi --save_path "$work/texts" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
echo "What is linked into libllmagg.so and libllmagg.a beside llmagg itself, with the licence of each. Made by 'make licenses'."
section() { printf '\n%s\n%s %s\n%s\n\n' "$line" "$1" "$2" "$line"; }
line=------------------------------------------------------------------------
section 'Go runtime and standard library' "(the version that 'go version -m' tells)"
cat "$($go env GOROOT)/LICENSE"
$go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}' ./capi | LC_ALL=C sort -u |
    while read -r module version; do
        [ -n "$module" ] || continue
        section "$module" "$version"
        find "$work/texts/$module" -type f \( -name 'LICENSE*' -o -name 'NOTICE*' -o -name 'COPYING*' \) | LC_ALL=C sort | xargs -d '\n' cat
    done
