#!/bin/sh
# Fuzzes one target, PACKAGE:TARGET, with the program that tests/fuzz.mk has built; what it prints comes in one piece. An input that
# fails is written to the package's testdata/fuzz: commit it with the mend.
package=${1%:*}
target=${1#*:}
name=$(echo "$package" | tr / _)
cd "$package" || exit 1
out=$("$FUZZ_OUT/$name.test" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$FUZZTIME" -test.fuzzminimizetime 20x \
    -test.parallel 1 -test.timeout 300s -test.fuzzcachedir "$FUZZ_OUT/cache/$name" 2>&1)
code=$?
# Go before 1.27 may take the end of the time for a failure (golang/go issue 75804); an input that fails or hangs says more.
[ "$(printf '%s\n' "$out" | sed -n '/^--- FAIL/,$p' | sed 1d)" = "    context deadline exceeded
FAIL" ] && code=0
if [ "$code" -ne 0 ]; then
    printf '%s\n' "$out" "FAILED: $1"
    exit 255 # ends xargs
fi
printf '%s %s\n' "$1" "$(printf '%s\n' "$out" | grep '^fuzz: elapsed' | tail -1 | sed 's/^fuzz: //')"
