#!/bin/sh
# What `make release-dry-run` has built is what users would get: each file is checked, installed in an empty environment, and used there.
# Files: dist/ with the wheels, the source archive of Python, the archive of the C library. The Go module is the sources themselves.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/results.sh"
cd "$root" || exit 1
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work" "$log"' EXIT
python=${PYTHON3:-python3}
tools=${BUILD:-build}/wheel-venv/bin
native=$(uname -m)
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
unset OPENAI_API_KEY OPENAI_BASE_URL OPENAI_MODEL PYTHONPATH LLMAGG_PREBUILT_LIBRARY
version=$(sed -n 's/^#define LLMAGG_VERSION "\(.*\)"/\1/p' include/llmagg.h)

# One version everywhere.
same() { grep -q "^version = \"$version\"\$" bindings/python/pyproject.toml; }
try "the header and pyproject.toml have one version: $version" same
core() { grep -q "github.com/llmagg/llmagg v$version\$" "$1/go.mod"; }
for module in otel prom; do try "the Go module $module requires the core's version" core "$module"; done
try 'CHANGELOG.md has a section for what is released' grep -q -e '^## Unreleased' -e "^## $version" CHANGELOG.md

# Metadata that PyPI takes.
metadata() { NO_COLOR=1 "$tools/twine" check --strict dist/llmagg-"$version"-*.whl "dist/llmagg-$version.tar.gz"; }
try 'twine check takes the metadata and the description' metadata
known() { "$tools/python" - bindings/python/pyproject.toml <<'END'
import sys, tomllib
from trove_classifiers import classifiers
used = tomllib.load(open(sys.argv[1], "rb"))["project"]["classifiers"]
sys.exit(", ".join(sorted(set(used) - set(classifiers))) or 0)
END
}
try 'PyPI knows each classifier' known

# Python: the wheel, and the source archive built anew, each in an empty environment.
use() { # environment: a call, a stream, a failover, and the command
    (cd "$work" && says works "$1/bin/python" "$here/smoke.py" && "$1/bin/llmagg" models | grep -q openai && "$1/bin/python" -m llmagg --help > /dev/null)
}
installed() { # environment, what to install
    "$python" -m venv "$1" && "$1/bin/pip" install -q "$2"
}
wheel=$(echo dist/llmagg-"$version"-*manylinux2014_"$native".whl)
try "pip installs $wheel with its command" installed "$work/from-wheel" "./$wheel[cli]"
try 'the wheel works' use "$work/from-wheel"
archive=dist/llmagg-$version.tar.gz
tidy() { ! tar tzf "$archive" | grep -E '\.so$|\.pyc$|_test\.go$|/\.git|testdata'; }
try "$archive has sources only" tidy
try "pip builds $archive" installed "$work/from-source" "./$archive[cli]"
try 'what it built works' use "$work/from-source"

# C: the archive, unpacked somewhere, and a program built with it. Its pkg-config and CMake files are for /usr/local.
library=dist/llmagg-$version-linux-$native.tar.gz
unpacked() { mkdir "$work/c" && tar xzf "$library" -C "$work/c" --strip-components 1; }
try "$library unpacks" unpacked
compiled() {
    "${CC:-cc}" -std=c99 examples/c/chat.c -o "$work/chat" -I"$work/c/include" -L"$work/c/lib" -lllmagg -Wl,-rpath,"$work/c/lib"
}
try 'a C program is built from it' compiled
try 'and works' says 'Hello from gpt-4o-mini.' "$work/chat"
placed() { grep -q '^prefix="\{0,1\}/usr/local' "$work/c/lib/pkgconfig/llmagg.pc"; }
try 'its pkg-config file is for /usr/local' placed

# Go: the module as a version tag would publish it, used by a program of another module.
module() {
    mkdir "$work/module" "$work/program" && git archive HEAD | tar x -C "$work/module" && cp examples/go/chat/*.go "$work/program" &&
        cd "$work/program" && rm -f ./*_test.go && cat > go.mod <<END &&
module example.com/program

go 1.25

require github.com/llmagg/llmagg v$version

replace github.com/llmagg/llmagg => $work/module
END
        "${GO:-go}" mod tidy && CGO_ENABLED=0 "${GO:-go}" build -o "$work/go-chat" . && cd "$root"
}
try 'the Go module serves a program of another module, without cgo' module
try 'and works' says 'Hello from gpt-4o-mini.' "$work/go-chat"

# The modules beside it, as a program uses them together.
beside() {
    mkdir "$work/observed" && cd "$work/observed" && cat > main.go <<'END' && cat > go.mod <<END2 &&
package main

import (
	"context"
	"fmt"

	"github.com/llmagg/llmagg"
	otelllm "github.com/llmagg/llmagg/otel"
	promllm "github.com/llmagg/llmagg/prom"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/llmagg/llmagg/core/faultwall"
)

func main() {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	if err != nil {
		panic(err)
	}
	defer wall.Close()
	llm, err := llmagg.New(llmagg.JSON(`{"openai": {"models": {"gpt-4o-mini": {"api_key": "none", "base_url": "`+wall.BaseURL()+`"}}}}`),
		llmagg.WithMiddleware(otelllm.Middleware()))
	if err != nil {
		panic(err)
	}
	defer llm.Close()
	prometheus.MustRegister(promllm.Collector(llm.Core().Manager()))
	fmt.Println(llm.Ask(context.Background(), "Hello!"))
	families, err := prometheus.DefaultGatherer.Gather()
	fmt.Println(len(families) > 40, err)
}
END
module example.com/observed

go 1.25

replace github.com/llmagg/llmagg => $work/module

replace github.com/llmagg/llmagg/otel => $work/module/otel

replace github.com/llmagg/llmagg/prom => $work/module/prom
END2
        "${GO:-go}" mod tidy && CGO_ENABLED=0 "${GO:-go}" build -o "$work/go-observed" . && cd "$root"
}
try 'the Go modules otel and prom serve it, too' beside
try 'and work' says 'Hello from gpt-4o-mini.' "$work/go-observed"
try 'nothing but tracked files is published' sh -c 'test -z "$(git status --porcelain --untracked-files=no)"'
ls -l dist | awk 'NR > 1 { print "# " $5, $9 }'
exit $code
