#!/bin/sh
# The header compiles alone, as every language version that it promises, without a warning, by the compiler of the build and by
# gcc and clang where they are; its structs have the golden layout, its codes and flags the golden values.
here=$(dirname "$0")
root=$here/../..
out=${OUT:-/tmp}
mkdir -p "$out"
code=0
try() {
    if "$@"; then echo "ok header: $(basename "$1") $2"; else echo "not ok header: $*"; code=1; fi
}
printf '#include "llmagg.h"\nint main(void) { return LLMAGG_OK; }\n' > "$out/header.c"
cp "$out/header.c" "$out/header.cpp"
for compiler in "${CC:-cc}" gcc clang clang-14; do
    command -v "$compiler" >/dev/null 2>&1 || continue
    for std in c99 c11 c17; do try "$compiler" -std=$std -Wall -Wextra -Wpedantic -Werror -I"$root/include" -fsyntax-only "$out/header.c"; done
done
for compiler in "${CXX:-c++}" g++ clang++ clang++-14; do
    command -v "$compiler" >/dev/null 2>&1 || continue
    for std in c++11 c++14 c++17 c++20; do try "$compiler" -std=$std -Wall -Wextra -Wpedantic -Werror -I"$root/include" -fsyntax-only "$out/header.cpp"; done
done
cat > "$out/layout.c" <<'END'
#include <stdio.h>
#include "llmagg.h"
#define SIZE(t) printf("%s %zu\n", #t, sizeof(t))
#define AT(t, f) printf("%s.%s %zu\n", #t, #f, offsetof(t, f))
int main(void) {
    SIZE(llmagg_buf); AT(llmagg_buf, ptr); AT(llmagg_buf, len);
    SIZE(llmagg_event); AT(llmagg_event, type); AT(llmagg_event, status); AT(llmagg_event, op); AT(llmagg_event, tag);
    AT(llmagg_event, payload); AT(llmagg_event, payload_len);
    SIZE(llmagg_drain); AT(llmagg_drain, struct_size); AT(llmagg_drain, event_size); AT(llmagg_drain, events);
    AT(llmagg_drain, max_events); AT(llmagg_drain, buffer); AT(llmagg_drain, buffer_size); AT(llmagg_drain, count);
    AT(llmagg_drain, used); AT(llmagg_drain, pending); AT(llmagg_drain, needed); AT(llmagg_drain, is_mapping);
    SIZE(llmagg_vectors); AT(llmagg_vectors, count); AT(llmagg_vectors, dimensions); AT(llmagg_vectors, offset);
    AT(llmagg_vectors, json_offset); AT(llmagg_vectors, json_len);
    return 0;
}
END
if ${CC:-cc} -std=c99 -I"$root/include" "$out/layout.c" -o "$out/layout" && "$out/layout" > "$out/layout.txt" && diff "$here/layout.golden" "$out/layout.txt"; then
    echo "ok header: layout of the structs"
else
    echo "not ok header: layout of the structs"
    code=1
fi
# Every enumerator of the header with its value.
names=$(sed -n '/^enum {/,/};$/p' "$root/include/llmagg.h" | grep -o 'LLMAGG_[A-Z_]* = ' | sed 's/ = //')
{
    printf '#include <stdio.h>\n#include "llmagg.h"\nint main(void) {\n'
    for name in $names LLMAGG_ABI_VERSION; do printf '    printf("%s %%d\\n", (int)%s);\n' "$name" "$name"; done
    printf '    return 0;\n}\n'
} > "$out/values.c"
if ${CC:-cc} -std=c99 -I"$root/include" "$out/values.c" -o "$out/values" && "$out/values" > "$out/values.txt" && diff "$here/values.golden" "$out/values.txt"; then
    echo "ok header: values of codes, events and flags"
else
    echo "not ok header: values of codes, events and flags"
    code=1
fi
exit $code
