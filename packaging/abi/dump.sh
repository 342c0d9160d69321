#!/bin/sh
# Writes what abidw (Debian: abigail-tools) sees of the C ABI to a file (first argument): the functions of the header with all
# types that they use. The C files are compiled with debug information into an object of their own, without Go's part, whose
# functions are only declared in it. HEADER_DIR and SHIM_DIR name other folders than include/ and capi/, for tests of the check.
set -eu
cd "$(dirname "$0")/../.."
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
include=$(cd "${HEADER_DIR:-include}" && pwd)
shim=$(cd "${SHIM_DIR:-capi}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
map=$(pwd)/packaging/llmagg.map
soname=libllmagg.so.$(sed -n 's/^.define LLMAGG_ABI_VERSION \([0-9]*\)/\1/p' "$include/llmagg.h")
cd capi
files=$(${GO:-go} list -f '{{join .CgoFiles " "}}' .)
${GO:-go} tool cgo -objdir "$work/cgo" -importpath github.com/llmagg/llmagg/capi -- "-I$include" "-I$shim" $files
${CC:-cc} -g -O0 -fPIC -shared "-ffile-prefix-map=$shim=capi" "-ffile-prefix-map=$include=include" "-ffile-prefix-map=$work=." "-I$include" "-I$shim" "-I$work/cgo" "$shim"/*.c -o "$work/shim.so" -Wl,-soname,"$soname" "-Wl,--version-script,$map"
abidw --headers-dir "$include" --drop-private-types --exported-interfaces-only --no-corpus-path --no-comp-dir-path --no-show-locs \
    --out-file "$out" "$work/shim.so"
