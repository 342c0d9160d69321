#!/bin/sh
# Every module that is linked into the library stands, with its version, in the list of licences that goes with it.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/results.sh"
trap 'rm -f "$log"' EXIT
cd "$root" || exit 1
list=bindings/python/THIRD_PARTY_LICENSES.txt
linked() { "${GO:-go}" version -m "${BUILD:-build}/libllmagg.so" | awk '$1 == "dep" { print $2, $3 }' | LC_ALL=C sort; }
listed() { grep -A1 -- '^-----' $list | grep -E '^[a-z]+\.[a-z]+/.* v[0-9]' | LC_ALL=C sort; }
same() { test -n "$(linked)" && [ "$(linked)" = "$(listed)" ] || { echo "linked:"; linked; echo "in $list:"; listed; echo "run 'make licenses'"; false; }; }
try "licences: $list lists what is linked" same
exit $code
