#!/bin/sh
# The C ABI against the committed dump of the last release (packaging/abi), by abidiff: new functions are welcome, any other
# difference is not. CONTRIBUTING.md says what to do about it. Three broken copies show that the check notices.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/results.sh"
cd "$root" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work" "$log"' EXIT
if [ "$(uname -m)" != x86_64 ]; then echo "ok ABI # skipped: the dump is of x86_64"; exit 0; fi
if ! command -v abidiff > /dev/null; then echo "not ok ABI: needs abidiff (Debian: apt-get install abigail-tools)"; exit 1; fi
soversion=$(sed -n 's/^.define LLMAGG_ABI_VERSION \([0-9]*\)/\1/p' include/llmagg.h)
released=packaging/abi/libllmagg.so.$soversion.abi
same() { abidiff --no-added-syms "$released" "$1"; }
try 'ABI: it can be read' packaging/abi/dump.sh "$work/now.abi"
try "ABI: nothing of $released is changed or gone" same "$work/now.abi"
notices() { # name, file, sed expression: in a copy of the header and the C files
    rm -rf "$work/include" "$work/capi"
    cp -r include capi "$work"
    sed -i "$3" "$work"/$2
    HEADER_DIR="$work/include" SHIM_DIR="$work/capi" packaging/abi/dump.sh "$work/other.abi" || return 1
    ! cmp -s "$work/now.abi" "$work/other.abi" && ! same "$work/other.abi"
}
try 'ABI: a field in the middle of a struct is noticed' notices field include/llmagg.h 's/^    size_t used;/    size_t more; size_t used;/'
try 'ABI: a changed argument is noticed' notices argument '*/*.[ch]' 's/llmagg_status llmagg_op_cancel(uint64_t op/llmagg_status llmagg_op_cancel(unsigned int op/'
try 'ABI: a function that is gone is noticed' notices gone '*/*.[ch]' 's/llmagg_buf_free(/llmagg_buf_release(/'
exit $code
