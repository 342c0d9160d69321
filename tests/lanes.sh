#!/bin/sh
# Runs make targets and sums up: name, verdict, seconds, and what was skipped and why. The first argument names the whole, each other
# argument is a lane: targets, separated by blanks, that run one after the other. The lanes run side by side. A target that fails does
# not keep the next ones from running. Status 75 of a target's command (EX_TEMPFAIL) means that it could not be checked on this machine:
# that is told apart, in the summary too. What a target prints stays in $BUILD/lanes-NAME/ and is shown when the target has ended.
make=${MAKE:-make}
name=$1
shift
logs=${BUILD:-build}/lanes-$name

# part NAME: runs one target, and writes its line of the summary.
part() {
    echo "== $1 begins"
    start=$(date +%s)
    $make --no-print-directory "$1" >"$logs/$1.log" 2>&1
    status=$?
    why=
    # make itself ends with 2 and tells the status of the command that failed.
    if [ "$status" -eq 0 ]; then
        verdict=ok
    elif grep -q '^make.*: \*\*\*.*Error 75$' "$logs/$1.log"; then
        verdict='NOT CHECKED HERE'
        why=$(grep -v '^make' "$logs/$1.log" | tail -n 1 | cut -c 1-160)
    else
        verdict=FAILED
    fi
    line=$(printf '%-16s %-17s %5d s  %s' "$1" "$verdict" $(($(date +%s) - start)) "$why")
    echo "$line" >"$logs/$1.summary"
    printf '== %s\n%s\n%s\n' "$1" "$(cat "$logs/$1.log")" "$line" # in one piece: the other lanes print too
}

if [ "$1" = --lane ]; then
    for target in $2; do part "$target"; done
    exit 0
fi

# skipped NAME: what its target says that it skipped, in the words of pytest (-rs), of gotestsum and of our own programs. Go's tests that
# have one reason are one line; the children of tests that start themselves anew are no tests.
skipped() {
    sed -n -e 's/^SKIPPED \[\([0-9]*\)\] /\1 × /p' -e 's/^ok \(.*\) # skipped: /1 × \1: /p' "$logs/$1.log"
    awk '
        name { sub(/^ *([^ ]*\.go:[0-9]+: )?/, ""); why = $0 == "" ? "no reason is told" : $0
               if (why !~ /as the child of/ && !count[why]++) { order[++n] = why; first[why] = name }
               name = "" }
        /^=== SKIP: / { name = $3 " " $4 }
        END { for (i = 1; i <= n; i++) print count[order[i]] " × " first[order[i]] (count[order[i]] > 1 ? " and others" : "") ": " order[i] }
    ' "$logs/$1.log"
}

rm -rf "$logs"
mkdir -p "$logs"
begun=$(date +%s)
# Not by the shell's own "&", which would have the tests ignore SIGINT.
printf '%s\0' "$@" | xargs -0 -n 1 -P $# sh "$0" "$name" --lane
echo "== $name"
for lane in "$@"; do
    for target in $lane; do cat "$logs/$target.summary"; done
done | tee "$logs/summary.txt"
echo "in all $(($(date +%s) - begun)) s, in $# lanes"
count() { grep -c "^[^ ]* *$1 " "$logs/summary.txt"; }
for lane in "$@"; do
    for target in $lane; do skipped "$target" | sed "s/^/  $target: /"; done
done >"$logs/skipped.txt"
[ ! -s "$logs/skipped.txt" ] || { echo "skipped inside these:"; cat "$logs/skipped.txt"; }
for lane in "$@"; do
    for target in $lane; do
        grep -q "^$target *FAILED " "$logs/$target.summary" && printf '== %s failed; the end of what it printed:\n%s\n' "$target" "$(tail -n 30 "$logs/$target.log")"
    done
done
unchecked=$(count 'NOT CHECKED HERE')
[ "$unchecked" -eq 0 ] || echo "$unchecked could not be checked on this machine: see above and docs/platforms.md"
echo "$(count ok) passed, $(count FAILED) failed, $unchecked not checked here"
[ "$(count FAILED)" -eq 0 ] && [ "$(count '.*')" -eq "$(echo "$*" | wc -w)" ]
