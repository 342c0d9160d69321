#!/bin/sh
# Runs the make targets given as arguments one after the other and sums up: name, verdict, seconds. A target that fails does not
# keep the next ones from running. Status 75 of a target's command (EX_TEMPFAIL) means that it could not be checked on this
# machine: that is told apart, in the summary too. What each printed stays in $BUILD/deep/.
make=${MAKE:-make}
logs=${BUILD:-build}/deep
mkdir -p "$logs"
summary=$logs/summary.txt
: >"$summary"
passed=0 failed=0 unchecked=0
begun=$(date +%s)
for part in "$@"; do
    echo "== $part"
    start=$(date +%s)
    { $make --no-print-directory "$part" 2>&1; echo $? >"$logs/$part.status"; } | tee "$logs/$part.log"
    took=$(($(date +%s) - start))
    # make itself ends with 2 and tells the status of the command that failed.
    if [ "$(cat "$logs/$part.status")" -eq 0 ]; then
        verdict=ok passed=$((passed + 1))
    elif grep -q '^make.*: \*\*\*.*Error 75$' "$logs/$part.log"; then
        verdict='NOT CHECKED HERE' unchecked=$((unchecked + 1))
    else
        verdict=FAILED failed=$((failed + 1))
    fi
    printf '%-20s %-18s %5d s\n' "$part" "$verdict" "$took" | tee -a "$summary"
done
echo "== check-deep"
cat "$summary"
echo "in all $(($(date +%s) - begun)) s"
[ "$unchecked" -eq 0 ] || echo "$unchecked could not be checked on this machine: see above and docs/platforms.md"
echo "$passed passed, $failed failed, $unchecked skipped"
[ "$failed" -eq 0 ]
