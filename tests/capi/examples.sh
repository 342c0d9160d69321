#!/bin/sh
# The examples, built by packaging/capi_tests.mk, are at most 60 lines, and do what they say against a server of their own.
root=$(dirname "$0")/../..
out=${OUT:-build/capi}
unset OPENAI_API_KEY OPENAI_BASE_URL OPENAI_MODEL
code=0
expect() { # words, program, arguments
    words=$1
    shift
    name=$(basename "$1")
    [ "$name" = "${PYTHON3:-python3}" ] && name=$2
    if text=$(timeout 60 "$@" 2>&1) && printf '%s' "$text" | grep -q "$words"; then
        echo "ok example: $name"
    else
        printf '%s\n' "$text"
        echo "not ok example: $name"
        code=1
    fi
}
expect 'Hello from gpt-4o-mini.' "$out/example_chat"
expect '42 chunks, the whole: ' "$out/example_stream"
expect 'spans.*"name":"openai/a".*"code":2,"message":"UNAVAILABLE".*"server.address".*"127.0.0.1".*"server.port".*"name":"openai/b".*"code":1.*"name":"chat a".*"code":1' "$out/example_trace"
expect '"name":"openai/b".*"code":2,"message":"BAD_REQUEST".*"name":"chat a".*"code":2,"message":"ALL_FAILED"' "$out/example_trace" '{"default":{"steps":[{"status":400}]}}'
expect 'HELLO FROM C.*still waking up' "$out/example_custom_provider"
expect '66 chunks, and the timer went on: yes' "$out/example_epoll"
expect 'Hello from gpt-4o-mini.' "$out/example_cpp_chat"
expect 'Hello from gpt-4o-mini.' "${PYTHON3:-python3}" "$root/examples/ctypes/chat.py" "${BUILD:-build}/libllmagg.so"
# What is wrong is told, and not only that something is.
for program in chat stream epoll cpp_chat; do
    said=$(OPENAI_API_KEY=k-123456789 OPENAI_BASE_URL=htp://x timeout 60 "$out/example_$program" 2>&1)
    if [ $? -eq 1 ] && printf '%s' "$said" | grep -q 'base_url begins neither .*; write "http://x"'; then
        echo "ok example: $program tells an error"
    else
        printf '%s\n' "$said"
        echo "not ok example: $program tells an error"
        code=1
    fi
done
for file in "$root"/examples/c/*.c "$root"/examples/cpp/*.cpp "$root"/examples/ctypes/*.py; do
    if [ "$(wc -l < "$file")" -le 60 ]; then echo "ok example: $(basename "$file") is short"; else echo "not ok example: $file has more than 60 lines"; code=1; fi
done
exit $code
