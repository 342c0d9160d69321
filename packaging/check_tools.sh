#!/bin/sh
# Says in one clear line each what is missing on this machine, and fails if
# anything is.
missing=0
complain() { echo "missing: $1" >&2; missing=1; }

if command -v "$GO" >/dev/null 2>&1; then
    version=$("$GO" env GOVERSION | sed 's/^go//')
    case "$version" in
        1.2[5-9]*|1.[3-9][0-9]*|[2-9].*) ;;
        *) complain "Go 1.25 or newer (found $version)" ;;
    esac
else
    complain "Go 1.25 or newer (command '$GO')"
fi
if command -v "$PYTHON3" >/dev/null 2>&1; then
    "$PYTHON3" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        complain "Python 3.10 or newer (found $("$PYTHON3" -V 2>&1))"
    "$PYTHON3" -c 'import venv, ensurepip' 2>/dev/null ||
        complain "Python's venv module (on Debian: apt-get install python3-venv)"
else
    complain "Python 3.10 or newer (command '$PYTHON3')"
fi
command -v "$CC" >/dev/null 2>&1 || complain "a C compiler (command '$CC'; on Debian: apt-get install gcc)"
command -v "$CXX" >/dev/null 2>&1 || complain "a C++ compiler (command '$CXX'; on Debian: apt-get install g++)"
exit $missing
