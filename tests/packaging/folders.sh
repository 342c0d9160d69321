#!/bin/sh
# Two builds in two folders are the same bytes; the second folder is elsewhere, has a space in its name, and holds only what is
# committed or about to be. FRESH=1 also compiles everything again, in a Go cache of its own, and compares the wheel of `make wheel`.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/results.sh"
build=$(cd "$root" && cd "${BUILD:-build}" && pwd)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work" "$log"' EXIT
folder="$work/a folder"
mkdir "$folder"
cd "$root" || exit 1
{ git ls-files -co --exclude-standard 2> /dev/null || find . -path ./build -prune -o -path ./.venv -prune -o -type f -print; } |
    while IFS= read -r file; do [ -f "$file" ] && printf '%s\0' "$file"; done | xargs -0 cp -p --parents -t "$folder"
[ -n "$FRESH" ] && export GOCACHE="$work/cache"
try 'a checkout whose path has a space is built' make -s -C "$folder" lib static
for file in libllmagg.so libllmagg.a; do
    try "$file has the same bytes in both folders" cmp "$build/$file" "$folder/build/$file"
    try "$file names neither folder" not grep -qaF -e "$work" -e "$root" "$folder/build/$file"
done
if [ -n "$FRESH" ]; then
    ln -s "$build/wheel-venv" "$folder/build/wheel-venv"
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2> /dev/null || echo 1704067200)
    export SOURCE_DATE_EPOCH
    wheel=$(cd dist && echo llmagg-*manylinux2014_"$(uname -m)".whl)
    try "the wheel is built there" make -s -C "$folder" "wheel-$(uname -m)"
    try "the wheel has the same bytes in both folders" cmp "dist/$wheel" "$folder/dist/$wheel"
fi
exit $code
