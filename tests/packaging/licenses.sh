#!/bin/sh
# Every module that is linked into the library stands, with its version, in the list of licences that goes with it. The list is of the
# library in wheels, which has the store of fleets; without it (FLEET=0) the list may name more than is linked, and nothing less.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/results.sh"
trap 'rm -f "$log" "$log.listed"' EXIT
cd "$root" || exit 1
list=bindings/python/THIRD_PARTY_LICENSES.txt
wheel() {
    GOFLAGS=-tags=netgo,osusergo,fleet "${GO:-go}" list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}' ./capi | LC_ALL=C sort -u | sed '/^$/d'
}
linked() { "${GO:-go}" version -m "${BUILD:-build}/libllmagg.so" | awk '$1 == "dep" { print $2, $3 }' | LC_ALL=C sort; }
listed() { grep -A1 -- '^-----' $list | grep -E '^[a-z]+\.[a-z]+/.* v[0-9]' | LC_ALL=C sort; }
told() { listed > "$log.listed"; linked | grep -vxFf "$log.listed"; }
same() { test -n "$(linked)" && [ -z "$(told)" ] && [ "$(wheel)" = "$(listed)" ] || { echo "linked:"; linked; echo "in wheels:"; wheel; echo "in $list:"; listed; echo "run 'make licenses'"; false; }; }
try "licences: $list lists what is linked" same
exit $code
