#!/bin/sh
# Runs the core of the Python tests with each of the interpreters given as arguments, from 3.10 on: each gets a virtual
# environment of its own with the wheel in it. Prints one line for each, and fails when one of them fails.
#   run.sh WHEEL OUT PYTHON...
wheel=$1
out=$2
shift 2
here=$(cd "$(dirname "$0")/.." && pwd)
tests="test_aggregator test_streams test_blocking test_loops test_close test_errors test_types test_custom_clients test_observers
       test_fork test_fork_in_flight test_fork_servers test_interrupts test_signals test_exit test_uvloop"
mkdir -p "$out" && out=$(cd "$out" && pwd)
passed=0
failed=0
done=""
for python in "$@"; do
    version=$("$python" -c 'import sys, sysconfig
free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print("%d.%d.%d%s" % (tuple(sys.version_info[:3]) + (free,)), int(sys.version_info >= (3, 10)))' 2> /dev/null) || continue
    case $version in *' 0') continue ;; esac
    version=${version% 1}
    case " $done " in *" $version "*) continue ;; esac # the same one under another name
    done="$done $version"
    venv=$out/$version
    log=$out/$version.log
    {
        [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
        pip="$venv/bin/python -m pip --disable-pip-version-check install -q"
        $pip pytest hypothesis 'msgspec==0.23.0' 'typer>=0.20' rich && $pip --no-deps --force-reinstall "$wheel"
        for extra in uvloop gunicorn celery; do $pip "$extra" || echo "no $extra for $version"; done
    } > "$log" 2>&1
    files=""
    for test in $tests; do files="$files $here/python/$test.py"; done
    # shellcheck disable=SC2086
    "$venv/bin/python" -m pytest -q -rs -p no:cacheprovider --tb=short ${PYTEST_OPTIONS:-} $files >> "$log" 2>&1
    code=$?
    summary=$(tail -1 "$log")
    if [ "$code" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    without=$(sed -n 's/^no \(.*\) for .*/ without \1/p' "$log" | tr '\n' ' ')
    echo "$version: $summary$without"
    sed -n "s/^SKIPPED \(\[[0-9]*\]\) /SKIPPED \1 $version: /p" "$log" # for the summary of tests/lanes.sh
    [ "$code" -eq 0 ] || grep -E '^(FAILED|ERROR|E  )' "$log" | head -20
done
echo "pythons: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
