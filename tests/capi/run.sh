#!/bin/sh
# Runs the test programs given as arguments, each with a time limit; prints every result and "N passed, N failed".
# A program that dies, hangs or prints no result counts as a failure.
passed=0
failed=0
for program in "$@"; do
    name=$(basename "$program")
    out=$(timeout "${LIMIT:-120}" "$program" 2>&1)
    code=$?
    oks=$(printf '%s\n' "$out" | grep -c '^ok ')
    bad=$(printf '%s\n' "$out" | grep -c '^not ok ')
    passed=$((passed + oks))
    failed=$((failed + bad))
    if [ "$bad" -gt 0 ] || [ "$code" -ne 0 ] || [ "$oks" -eq 0 ]; then
        printf '%s\n' "$out" | grep -v '^ok ' | sed "s/^/$name: /"
        if [ "$bad" -eq 0 ]; then
            failed=$((failed + 1))
            echo "$name: ended with status $code and $oks results"
        fi
    else
        echo "$name: $oks ok"
    fi
done
echo "${TITLE:-C ABI}: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
