#!/bin/sh
# go_test.sh ARGUMENTS: go test, whose end says what was skipped and why, for the summary of lanes.sh; go test itself says so only with -v.
# gotestsum comes from the module proxy once. Where it cannot be had, the tests run all the same, and that is told.
gotestsum=gotest.tools/gotestsum@v1.13.0
GO=${GO:-go}
if "$GO" run "$gotestsum" --version >/dev/null 2>&1; then
    exec "$GO" run "$gotestsum" --format pkgname --format-icons text --no-color --raw-command -- "$GO" test -json "$@"
fi
echo "SKIPPED [1] tests/go_test.sh: what Go's tests skip is not listed, since $gotestsum could not be fetched"
exec "$GO" test "$@"
