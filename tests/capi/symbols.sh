#!/bin/sh
# The shared library exports what the header declares and nothing else, and is called as it should be.
here=$(dirname "$0")
root=$here/../..
lib=${BUILD:-build}/libllmagg.so
out=${OUT:-/tmp}
code=0
result() { if [ "$1" -eq 0 ]; then echo "ok symbols: $2"; else echo "not ok symbols: $2"; code=1; fi; }
nm -D --defined-only "$lib" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort > "$out/symbols.txt"
diff "$here/symbols.golden" "$out/symbols.txt"; result $? "exported symbols equal tests/capi/symbols.golden"
sed -n 's/^LLMAGG_API.*[ *]\(llmagg_[a-z_]*\)(.*/\1/p' "$root/include/llmagg.h" | sort > "$out/declared.txt"
diff "$out/declared.txt" "$out/symbols.txt"; result $? "the header declares each of them"
readelf -d "$lib" | grep -q 'SONAME.*libllmagg.so.1\]'; result $? "SONAME is libllmagg.so.1"
readelf -S "$lib" | grep -qE '\.(symtab|debug_info)'; [ $? -ne 0 ]; result $? "it is stripped"
size=$(wc -c < "$lib")
[ "$size" -le "${LIB_LIMIT:-11000000}" ]; result $? "it has $size bytes, at most ${LIB_LIMIT:-11000000}"
# What works in a forked child needs no Go; everything else must be refused there, and tests/capi/fork.c asks it.
grep -vE '^llmagg_(abi_version|version|status_name|error_.*|buf_free)$' "$out/symbols.txt" |
    while read -r name; do grep -q "$name(" "$here/fork.c" || echo "$name"; done > "$out/unasked.txt"
cat "$out/unasked.txt"; [ ! -s "$out/unasked.txt" ]; result $? "tests/capi/fork.c asks each of them in a forked child"
# Each declaration stands under a comment of its own that says since when it exists, and names no code that there is not.
awk '/^\/\*/ { since = 0 } /Since: [0-9]/ { since = 1 } /^LLMAGG_API/ { if (!since) print "no Since: above " $0; since = 0 }' \
    "$root/include/llmagg.h" > "$out/since.txt"
[ ! -s "$out/since.txt" ]; result $? "every function says since when it exists $(cat "$out/since.txt")"
unknown=""
for name in $(tr '\n' ' ' < "$root/include/llmagg.h" | grep -o 'Codes: [^.]*\.' | sed 's/ \* / /g; s/([^)]*)//g' | grep -o '[A-Z][A-Z_]\{4,\}'); do
    grep -q "LLMAGG_E_$name = " "$root/include/llmagg.h" || unknown="$unknown $name"
done
[ -z "$unknown" ]; result $? "the codes that functions name exist$unknown"
exit $code
