#!/bin/sh
# On musl a Go shared library cannot be loaded. What happens there, seen with a program of musl's own compiler: loading fails with
# a message of musl's, nothing crashes; and building for it ends with a clear line.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/results.sh"
cd "$root" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work" "$log"' EXIT
command -v musl-gcc > /dev/null || { echo 'not ok musl: needs musl-gcc (Debian: apt-get install musl-tools)'; exit 1; }
cat > "$work/load.c" <<'END'
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
    void *library = dlopen(argv[argc - 1], RTLD_NOW);
    printf("%s\n", library ? "loaded" : dlerror());
    return library != NULL;
}
END
try 'musl: a program is built' musl-gcc "$work/load.c" -o "$work/load"
says_why() { "$work/load" "$(cd "${BUILD:-build}" && pwd)/libllmagg.so" > "$work/out"; status=$?; cat "$work/out"; [ $status -eq 0 ] && ! grep -q loaded "$work/out"; }
try 'musl: loading fails with a message and without a crash' says_why
refuses() { ! make lib BUILD="$work/build" CC=musl-gcc > "$work/out" 2>&1; cat "$work/out"; grep -q 'musl cannot load Go shared libraries' "$work/out"; }
try 'musl: make lib says that it cannot be' refuses
exit $code
