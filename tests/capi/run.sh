#!/bin/sh
# Runs the test programs given as arguments, each with a time limit; prints every result and "N passed, N failed".
# A program that dies, hangs or prints no result counts as a failure. Programs write their results to descriptor 3 (check.h), so
# that nothing at all may come on stdout and stderr: neither from the library nor from a sanitizer. WRAP stands in front of each
# program, as "valgrind -q".
passed=0
failed=0
noise=${OUT:-/tmp}/noise.txt
mkdir -p "${OUT:-/tmp}"
for program in "$@"; do
    name=$(basename "$program")
    case "$program" in
    *.sh)
        out=$(timeout "${LIMIT:-120}" "$program" 2>&1)
        code=$?
        : > "$noise"
        ;;
    *)
        # shellcheck disable=SC2086 # WRAP is words
        out=$(CHECK_RESULTS=3 timeout "${LIMIT:-120}" ${WRAP:-} "$program" 3>&1 > "$noise" 2>&1)
        code=$?
        ;;
    esac
    oks=$(printf '%s\n' "$out" | grep -c '^ok ')
    bad=$(printf '%s\n' "$out" | grep -c '^not ok ')
    passed=$((passed + oks))
    failed=$((failed + bad))
    if [ "$bad" -gt 0 ] || [ "$code" -ne 0 ] || [ "$oks" -eq 0 ] || [ -s "$noise" ]; then
        printf '%s\n' "$out" | grep -v '^ok ' | sed "s/^/$name: /"
        if [ -s "$noise" ]; then
            echo "$name: this came on stdout or stderr:"
            head -n 200 "$noise"
        fi
        if [ "$bad" -eq 0 ]; then
            failed=$((failed + 1))
            echo "$name: ended with status $code and $oks results"
        fi
    else
        echo "$name: $oks ok"
        printf '%s\n' "$out" | sed -n '/^ok .* # skipped: /p' # for the summary of tests/lanes.sh
    fi
done
echo "${TITLE:-C ABI}: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
