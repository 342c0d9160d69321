#!/bin/sh
# The wheels of `make wheel`, in dist/: what they hold, what they need, and that each works in a clean environment; the one of the
# other architecture under emulation, with a Python and with a C program. Needs qemu-user-static and apt for that.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/results.sh"
cd "$root" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work" "$log"' EXIT
build=${BUILD:-build}
tools=$build/wheel-venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
unset OPENAI_API_KEY OPENAI_BASE_URL OPENAI_MODEL PYTHONPATH

holds() { # wheel: each of these, and no sources or caches of ours beside them
    unzip -l "$1" | awk '{ print $4 }' > "$work/names"
    for wanted in llmagg/_native/libllmagg.so llmagg/py.typed pkg/core/llm/__init__.py llmagg/include/llmagg.h llmagg/include/llmagg.hpp licenses/LICENSE licenses/THIRD_PARTY_LICENSES.txt \
        sboms/libllmagg.cdx.json; do
        grep -q "$wanted\$" "$work/names" || { echo "$1 lacks $wanted"; return 1; }
    done
    ! grep -E '\.pyc$|\.go$|/tests/' "$work/names"
}
bill() { # wheel: the bill of materials names each module that go version -m tells, in its version
    unzip -p "$1" '*/sboms/libllmagg.cdx.json' > "$work/bill.json" && unzip -o -q -j "$1" llmagg/_native/libllmagg.so -d "$work" &&
        chmod +x "$work/libllmagg.so" && "${GO:-go}" version -m "$work/libllmagg.so" | awk '$1 == "dep" { print $2 "@" $3 }' > "$work/linked" &&
        test -s "$work/linked" || return 1
    while read -r module; do
        grep -qF "pkg:golang/$module?" "$work/bill.json" || { echo "no $module in the bill"; return 1; }
    done < "$work/linked"
    grep -q '"pkg:golang/std@' "$work/bill.json"
}
shows() { # wheel, architecture
    "$tools/auditwheel" show "$1" | tr '\n' ' ' > "$work/shown"
    cat "$work/shown"
    grep -q "consistent with the following platform tag: *\"manylinux_2_17_$2\"" "$work/shown" && ! grep -q 'external shared libraries:' "$work/shown"
}
stripped() { ! readelf -SW "$work/libllmagg.so" | grep -E '\.(symtab|debug_info)'; }
exports() { nm -D --defined-only "$work/libllmagg.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort | diff tests/capi/symbols.golden -; }
for arch in x86_64 aarch64; do
    wheel=$(echo dist/llmagg-*manylinux2014_$arch.whl)
    try "$arch: $wheel is there" test -f "$wheel" || continue
    try "$arch: it holds the library, the types, the licences and the bill of materials" holds "$wheel"
    try "$arch: the bill of materials names what is linked" bill "$wheel"
    try "$arch: the library is stripped" stripped
    try "$arch: it exports tests/capi/symbols.golden" exports
    try "$arch: auditwheel show says manylinux_2_17" shows "$wheel" $arch
done

native=$(uname -m)
"${PYTHON3:-python3}" -m venv "$work/clean"
try "$native: pip installs it into a clean environment" "$work/clean/bin/pip" install -q dist/llmagg-*manylinux2014_"$native".whl
(cd "$work" && says works "$work/clean/bin/python" "$here/smoke.py") > "$work/out" 2>&1
try "$native: it works there" grep works "$work/out"

[ "$native" = aarch64 ] && { echo "ok emulation # skipped: this machine is aarch64"; exit $code; }
if ! command -v qemu-aarch64-static > /dev/null || ! command -v apt-get > /dev/null; then
    echo 'not ok aarch64 under emulation: needs qemu-aarch64-static and apt-get (Debian: apt-get install qemu-user-static)'
    exit 1
fi
other=$build/arm64
try 'aarch64: a Python of Debian arm64 is unpacked' sh "$here/arm64.sh" "$other"
emulated="qemu-aarch64-static -L $other"
python=$(cd "$other" && ls usr/bin/python3.[0-9]* | grep -v config | head -n 1)
number=${python##*python}
try "aarch64: pip resolves it for Python $number on aarch64" "$work/clean/bin/pip" install -q --target "$work/site" --only-binary=:all: \
    --python-version "$number" --implementation cp --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 \
    dist/llmagg-*manylinux2014_aarch64.whl
works() { PYTHONPATH="$work/site" timeout 300 $emulated "$other/$python" "$here/smoke.py" 2>&1 | tee /dev/fd/2 | grep -q 'works aarch64'; }
try "aarch64: it works in Python $number under qemu" works
compiled() {
    "$tools/zigcc-aarch64" -std=c99 -Iinclude examples/c/chat.c -o "$work/chat" -L"$build/wheel-aarch64" -lllmagg
}
try 'aarch64: the C example is built by zig cc' compiled
runs() { $emulated -E LD_LIBRARY_PATH="$root/$build/wheel-aarch64" "$work/chat" 2>&1 | tee /dev/fd/2 | grep -q 'Hello from gpt-4o-mini.'; }
try 'aarch64: the C example works under qemu' runs
exit $code
