#!/bin/sh
# Each test that the table of rules in README.md names exists and runs, and each test program is named there. What is generated is up to date.
here=$(dirname "$0")
table=$here/README.md
code=0
named=0
result() { if [ "$1" -eq 0 ]; then echo "ok rules: $2"; else echo "not ok rules: $2"; code=1; fi; }
# Names stand as `file: test, test`, the file without .c; or as `file.sh`.
for entry in $(sed -n 's/^|[^|]*|//p' "$table" | grep -o '`[a-z/_]*\(\.sh\)\{0,1\}\(: [a-z0-9_, ]*\)\{0,1\}`' | tr -d '` ' ); do
    file=${entry%%:*}
    named=$((named + 1))
    case "$file" in *.sh) ;; *) file=$file.c ;; esac
    [ -f "$here/$file" ] || { result 1 "there is no $file"; continue; }
    case "$entry" in *:*) ;; *) continue ;; esac
    for test in $(echo "${entry#*:}" | tr ',' ' '); do
        grep -q "RUN($test);" "$here/$file" || result 1 "$file does not run $test"
    done
done
[ "$named" -ge 40 ]; result $? "the table names $named tests, at least 40"
for file in "$here"/*.c "$here"/*/*.c; do
    name=${file#"$here"/}
    name=${name%.c}
    grep -q "\`$name[:\`]" "$table" || result 1 "README.md does not name $name"
done
result 0 "every name in the table was looked up"
mkdir -p "${OUT:-/tmp}/shim"
python3 "$here/../../packaging/shim.py" "${OUT:-/tmp}/shim"
for file in shim.c shim_calls.c shim_queue.c; do
    cmp "${OUT:-/tmp}/shim/$file" "$here/../../capi/$file" >/dev/null
    result $? "capi/$file is what packaging/shim.py writes (make shim)"
done
exit $code
