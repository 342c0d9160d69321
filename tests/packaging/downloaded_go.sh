#!/bin/sh
# A Go that an older one downloaded lies in the module cache, whose files an overlay may not replace: the library is built with it all
# the same. Here the folder that Go is installed in is called the module cache.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/results.sh"
cd "$root" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work" "$log"' EXIT
GOMODCACHE=$(dirname "$("${GO:-go}" env GOROOT)")
export GOMODCACHE
try 'a Go in the module cache: the overlay is written' sh packaging/goruntime.sh "$work"
sed "s|$work/goroot|$("${GO:-go}" env GOROOT)|g" "$work/overlay.json" > "$work/plain.json"
refused() { ! "${GO:-go}" build -overlay "$work/plain.json" runtime/cgo 2> "$work/refused" && grep -q 'must not be replaced' "$work/refused"; }
try 'a Go in the module cache: the go command refuses its files' refused
try 'a Go in the module cache: it builds with them under another name' "$work/go" build -overlay "$work/overlay.json" runtime/cgo
exit $code
