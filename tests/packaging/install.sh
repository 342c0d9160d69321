#!/bin/sh
# Strangers' programs, built from what `make install` put somewhere and from nothing else: C and C++, by pkg-config and by CMake,
# shared and static, and a Go program by module path. Each talks to the scripted server that is in the library. The folders have
# spaces in their names.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/results.sh"
work=$(mktemp -d)
trap 'rm -rf "$work" "$log"' EXIT
prefix="$work/the prefix"
src="$work/a consumer"
unset OPENAI_API_KEY OPENAI_BASE_URL OPENAI_MODEL
hello='Hello from gpt-4o-mini.'
try 'install' make -s -C "$root" install PREFIX="$prefix"
mkdir "$src"
cp "$here/consumer/CMakeLists.txt" "$root/examples/c/chat.c" "$root/examples/cpp/chat.cpp" "$src"
cd "$src" || exit 1

version=$(sed -n 's/^#define LLMAGG_VERSION "\(.*\)"/\1/p' "$prefix/include/llmagg.h")
LC_ALL=C sort > expected <<END
include/llmagg.h
include/llmagg.hpp
lib/cmake/llmagg/llmaggConfig.cmake
lib/cmake/llmagg/llmaggConfigVersion.cmake
lib/libllmagg.a
lib/libllmagg.so
lib/libllmagg.so.1
lib/libllmagg.so.$version
lib/pkgconfig/llmagg.pc
share/doc/llmagg/LICENSE
share/doc/llmagg/THIRD_PARTY_LICENSES.txt
share/llmagg/prices.json
END
(cd "$prefix" && find . ! -type d | sed 's|^\./||' | LC_ALL=C sort) > found
try 'install: these files and no others' diff expected found
try 'install: below DESTDIR the files name the prefix only' sh -c "make -s -C '$root' install PREFIX=/opt/llmagg DESTDIR='$work/dest dir' &&
    test -f '$work/dest dir/opt/llmagg/lib/libllmagg.a' && ! grep -r 'dest dir' '$work/dest dir/opt/llmagg/lib/pkgconfig' '$work/dest dir/opt/llmagg/lib/cmake'"

# checks PROGRAM shared|static: it runs, and needs the shared library only if it should.
checks() {
    says "$hello" "./$1" || return 1
    needed=$(readelf -d "$1" | grep -c 'NEEDED.*libllmagg')
    [ "$needed" -eq "$([ "$2" = shared ] && echo 1 || echo 0)" ]
}
# compile COMPILER SOURCE PROGRAM OPTIONS: with pkg-config's answers, one argument each, whatever they hold.
compile() {
    compiler=$1 source=$2 program=$3
    shift 3
    eval "$compiler $source -o $program $(pkg-config --cflags llmagg) $* -pthread"
}
if command -v pkg-config > /dev/null; then
    export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
    try "pkg-config: version $version" test "$(pkg-config --modversion llmagg)" = "$version"
    for language in c cpp; do
        compiler="${CC:-cc} -std=c99"
        [ $language = cpp ] && compiler="${CXX:-c++} -std=c++17"
        try "pkg-config: $language, shared, is built" compile "$compiler" chat.$language pc_${language}_shared \
            "$(pkg-config --libs llmagg)" "'-Wl,-rpath,$prefix/lib'"
        try "pkg-config: $language, shared, runs" checks pc_${language}_shared shared
        try "pkg-config: $language, static, is built" compile "$compiler" chat.$language pc_${language}_static \
            -Wl,-Bstatic "$(pkg-config --libs llmagg)" -Wl,-Bdynamic
        try "pkg-config: $language, static, runs" checks pc_${language}_static static
    done
else
    echo "ok pkg-config # skipped: pkg-config is not installed (Debian: apt-get install pkg-config)"
fi
if command -v cmake > /dev/null; then
    try 'CMake: find_package finds it' cmake -S . -B built -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="${CC:-cc}" -DCMAKE_CXX_COMPILER="${CXX:-c++}"
    try 'CMake: the programs are built' cmake --build built
    for language in c cpp; do
        try "CMake: $language, shared, runs" checks built/${language}_llmagg shared
        try "CMake: $language, static, runs" checks built/${language}_static static
    done
    sed -i 's/find_package(llmagg 0.1/find_package(llmagg 99.0/' CMakeLists.txt
    try 'CMake: a version that is not installed is refused' not cmake -S . -B refused -DCMAKE_PREFIX_PATH="$prefix"
else
    echo "ok CMake # skipped: cmake is not installed (Debian: apt-get install cmake)"
fi

mkdir "$work/go" && cd "$work/go" && cp "$root/examples/go/chat/chat.go" "$root/go.sum" .
sed -n '/^go /p; /^require (/,/^)/p' "$root/go.mod" > requires
{ echo 'module example.org/consumer'; cat requires; echo 'require github.com/llmagg/llmagg v0.0.0'; echo "replace github.com/llmagg/llmagg => \"$root\""; } > go.mod
try 'Go: a program by module path, without cgo' env CGO_ENABLED=0 GOFLAGS=-mod=mod "${GO:-go}" build -o chat .
try 'Go: it runs' says "$hello" ./chat
exit $code
