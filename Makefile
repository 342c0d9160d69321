# llmagg: see README.md. `make help` lists the targets.

GO      ?= go
PYTHON3 ?= python3
CC      ?= cc
CXX     ?= c++
VENV    := .venv
PYTHON  := $(VENV)/bin/python
BUILD   := build

# Each release of staticcheck reads the Go versions up to its own.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@$(if $(filter go1.25%,$(shell $(GO) env GOVERSION 2>/dev/null)),v0.7.0,v0.8.2)

# go test, whose end says what was skipped and why.
GO_TEST := GO="$(GO)" sh "$(CURDIR)/tests/go_test.sh"

export GOFLAGS += -trimpath

.DEFAULT_GOAL := help
.PHONY: help check-tools demo test quick lint go-test go-quick py-quick py-test examples clean venv

include packaging/build.mk
include packaging/capi_tests.mk
include tests/packaging/packaging.mk
include bindings/python/build.mk
include packaging/release.mk
include tests/contract/contract.mk
include tests/readme/docs.mk
include tests/reference/reference.mk
-include tests/fuzz.mk
include tests/realclients/realclients.mk
include tests/adapters/adapters.mk
include tests/soak/soak.mk
include tests/rates/rates.mk
include tests/pythons/pythons.mk
include tests/process.mk
include tests/fleet/fleet.mk
-include tests/mutants/mutants.mk
-include tests/deep/deep.mk
-include tests/engines/engines.mk
-include tests/realservers/realservers.mk
-include tests/bench/bench.mk

# The virtual environment holds the package as users install it; the tests' tools come on top.
PY_SOURCES := $(shell find bindings/python/src bindings/python/_build -name '*.py' -o -name py.typed) bindings/python/pyproject.toml
# $(call locked-venv,FOLDER,LOCK FILE): a virtual environment with the packages of a lock file.
define locked-venv
@mkdir -p $(dir $1)
rm -rf $1
$(PYTHON3) -m venv $1
$1/bin/python -m pip --disable-pip-version-check -q install --only-binary :all: -r $2
endef

PIP        := $(PYTHON) -m pip --disable-pip-version-check -q

$(PYTHON):
	$(PYTHON3) -m venv $(VENV)
	$(PIP) install 'setuptools>=77' wheel

$(VENV)/.package: $(PYTHON) $(BUILD)/libllmagg.so $(PY_SOURCES)
	LLMAGG_PREBUILT_LIBRARY="$(abspath $(BUILD))/libllmagg.so" $(PIP) install --no-build-isolation --force-reinstall ./bindings/python
	@touch $@

$(VENV)/.tools: $(PYTHON) tests/python/requirements.txt
	$(PIP) install --no-compile -r tests/python/requirements.txt
	@touch $@

venv: $(VENV)/.package $(VENV)/.tools ## make the virtual environment with the package and the tests' tools

help: ## list the targets
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST) | sort

check-tools: ## say what is missing on this machine
	@GO="$(GO)" PYTHON3="$(PYTHON3)" CC="$(CC)" CXX="$(CXX)" sh packaging/check_tools.sh

demo: check-tools lib $(VENV)/.package ## the main job in Python, Go and C; without keys against a server of its own
	@$(GO) build -o $(BUILD)/demo-chat ./examples/go/chat
	@$(CC) -std=c99 -Wall -Wextra -Iinclude examples/c/chat.c -o $(BUILD)/demo-chat-c -L$(BUILD) -lllmagg -Wl,-rpath,'$$ORIGIN'
	@$(PYTHON) examples/demo/demo.py --go $(BUILD)/demo-chat --c $(BUILD)/demo-chat-c

# The targets of a lane run one after the other, beside those of the other lane. The Python tests wait for processes more than they
# compute, so the compiler works beside them, from when their packages are still being fetched: examples, the only part of its lane that
# needs those, comes last. The soak measures what is left of a load, and comes when little else runs.
TEST_LANE_1 ?= go-test fuzz capi-test capi-asan capi-tsan examples
TEST_LANE_2 ?= venv py-test lint packaging-test contract soak-quick

test: check-tools lib $(if $(filter venv,$(TEST_LANE_1) $(TEST_LANE_2)),,venv) ## all tests, under 12 minutes on 2 cores
	@MAKE="$(MAKE)" BUILD="$(BUILD)" sh tests/lanes.sh test '$(TEST_LANE_1)' '$(TEST_LANE_2)'
	@echo "all tests passed"

quick: check-tools ## the checks to run before each commit, under 2 minutes
	@MAKE="$(MAKE)" BUILD="$(BUILD)" sh tests/lanes.sh quick go-quick 'venv py-quick'

lint: check-tools venv ## vet, staticcheck, gofmt, mypy --strict, ruff
	@test -z "$$(gofmt -l *.go core capi examples tests)" || { echo "gofmt wants to change:"; gofmt -l *.go core capi examples tests; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags $(ENTRY_TAG) ./capi
	$(GO) run $(STATICCHECK) ./...
	cd bindings/python && ../../$(PYTHON) -m mypy --strict src
	$(PYTHON) -m ruff check .

# Modules of their own, whose libraries the core is not to pull in.
GO_MODULES := prom otel

# What the race detector makes too slow or too large, and has nothing to find in, runs without it; what runs in parts with it, runs
# whole without it. UNRACED_IN are the packages that have such tests.
UNRACED := Linear|MemoryIsBounded|CutInAnyWay|SplitPointsDoNotMatter
WHOLE   := AsTheClausesSay|TheModelSees
# What kills and stops processes, or fills files, for seconds each, as the Python tests with the mark "long" do: not part of `make quick`.
LONG    := TwentyKills|AStoppedProcess|TheLimitOfAFilesSize|AFullDisk
UNRACED_IN = $(addprefix ./,$(shell grep -rlE --include='*_test.go' 'func Test[A-Za-z0-9_]*($(UNRACED)|$(WHOLE))' core | xargs -n 1 dirname | sort -u))

# The other packages with tests: of the repository's texts. tests/contract has a target of its own.
GO_TEXTS = $(shell $(GO) list ./tests/... | grep -vE '/tests/(contract|rates)$$')

# Without the part of vet that go test runs for each package: lint runs all of it. The rates wait for the clock: many at once, and alone.
go-test: ## Go tests with the race detector; what it is too slow or too large for, without it
	$(GO_TEST) -vet=off -race -tags $(ENTRY_TAG) -skip '$(UNRACED)' -timeout 300s . ./core/... ./capi/...
	$(GO_TEST) -vet=off -timeout 200s $(GO_TEXTS)
	$(GO_TEST) -vet=off -parallel 16 -timeout 100s ./tests/rates
	for module in $(GO_MODULES); do (cd $$module && $(GO) vet ./... && $(GO_TEST) -vet=off -race -timeout 200s ./...) || exit 1; done
	$(GO_TEST) -vet=off -timeout 300s -run '$(UNRACED)|$(WHOLE)' $(UNRACED_IN)

go-quick: ## Go tests of the core and of the repository's texts, without the race detector and those that take long
	$(GO) vet ./core/... ./capi/...
	$(GO) test -vet=off -short -skip '$(UNRACED)|$(WHOLE)|$(LONG)' -timeout 100s ./core/... ./tests/architecture ./tests/mutants ./tests/reference

# Two files at a time: the Python tests wait for processes more than they compute. The pages, the longest file, come first: at the end
# they would run alone. A worker that crashes ends the run, since pytest-xdist 3.8 may wait for ever for the worker that replaces it
# (pytest-xdist issue 784); so does a test that takes 300 s, after it has shown where it stands. The run names the test.
PYTEST := $(PYTHON) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 \
	-o faulthandler_timeout=300 -o faulthandler_exit_on_timeout=true

py-quick: ## Python tests without those that take long, up to the first failure; names those that take more than a second
	$(PYTEST) -x -m 'not long' --durations=10 --durations-min=1 tests/python

py-test: lib venv ## Python tests against the built library
	$(PYTEST) -rs tests/readme tests/python tests/bench

examples: lib venv ## every Go example, run
	$(GO_TEST) -count=1 ./examples/go/...

clean: ## remove what was built
	rm -rf $(BUILD) $(VENV) dist bindings/python/build bindings/python/src/*.egg-info bindings/python/src/llmagg/_native/libllmagg.so
