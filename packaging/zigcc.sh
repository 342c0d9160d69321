#!/bin/sh
# A C compiler for Linux with glibc 2.17 on the architecture that its own name ends with, as in zigcc-aarch64. It stands, under
# that name, beside the Python of an environment in which the package ziglang is.
here=$(dirname "$0")
arch=${0##*-}
case "$arch" in
    x86_64 | aarch64) ;;
    *) echo "zigcc: unknown architecture '$arch'; call it as zigcc-x86_64 or zigcc-aarch64" >&2; exit 2 ;;
esac
zig=$(echo "$here"/../lib/python3*/site-packages/ziglang/zig)
[ -x "$zig" ] || { echo "zigcc: no zig in the environment of $here; install the Python package ziglang there" >&2; exit 2; }
exec "$zig" cc -target "$arch-linux-gnu.2.17" "$@"
