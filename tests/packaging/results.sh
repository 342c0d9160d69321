# Sourced by the tests of the package: results as tests/capi/run.sh counts them.
code=0
log=$(mktemp)
try() { # name, command: ok if it succeeds; else what it printed
    name=$1
    shift
    if "$@" > "$log" 2>&1; then echo "ok $name"; else sed 's/^/    /' "$log" | tail -n 40; echo "not ok $name"; code=1; fi
}
not() { ! "$@"; }
says() { # words, command: it succeeds and prints the words
    words=$1
    shift
    timeout 60 "$@" 2>&1 | tee /dev/fd/2 | grep -q "$words"
}
