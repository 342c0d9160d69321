# The benchmark; not part of the tests. Included by the Makefile at the root; every path is relative to that.
# What it installs from PyPI, at the versions of requirements.txt, stays in build/bench; the Go peers are those of tests/bench/go.mod.

GO           ?= go
CC           ?= cc
PYTHON3      ?= python3
BUILD        ?= build
BENCH        := $(BUILD)/bench
BENCH_PYTHON := $(BENCH)/venv/bin/python
BENCH_ROUNDS ?= $(if $(filter bench-quick,$(MAKECMDGOALS)),5,11)
BASE         ?=
BASE_PAIRS   ?= 40
BENCH_BASE    = $(if $(BASE),--base '$(BASE)' --pairs $(BASE_PAIRS))
BENCH_RUN     = BENCH_BUILD="$(abspath $(BENCH))" $(PYTHON3) tests/bench/bench.py

.PHONY: bench bench-quick bench-base bench-one bench-build bench-contend

bench: bench-build ## every client against every bar, a quarter of an hour; writes docs/benchmarks.md (BASE=commit: that commit in pairs)
	$(BENCH_RUN) rows --rounds $(BENCH_ROUNDS) $(BENCH_BASE) --write docs/benchmarks.md
	$(PYTHON3) tests/readme/written.py

bench-quick: bench-build ## the ratios without litellm and the 10 000 streams, under 3 minutes (BENCH_ONLY=pattern, BENCH_ROUNDS=n)
	$(BENCH_RUN) rows --quick --rounds $(BENCH_ROUNDS) $(if $(BENCH_ONLY),--only '$(BENCH_ONLY)')

bench-base: bench-build ## the working tree beside a commit alone (BASE=commit, BASE_PAIRS=n, BENCH_ONLY=pattern)
	$(BENCH_RUN) pairs $(BENCH_BASE) $(if $(BENCH_ONLY),--only '$(BENCH_ONLY)')

bench-one: bench-build ## one client alone, to be profiled (ONE='go llmagg chat --calls 20000 --cpuprofile F'); see tests/bench
	$(BENCH_RUN) one $(ONE)

bench-build: lib $(BENCH)/.package $(BENCH)/cclient
	$(MAKE) lib FLEET=1 BUILD=$(BUILD)/fleet
	GOFLAGS= $(GO) -C tests/bench build -o "$(abspath $(BENCH))/" ./server ./goclient

$(BENCH)/cclient: tests/bench/cclient/chat.c include/llmagg.h $(BUILD)/libllmagg.so
	@mkdir -p $(@D)
	$(CC) -std=c99 -D_POSIX_C_SOURCE=199309L -O2 -Wall -Wextra -Iinclude $< -o $@ -L$(BUILD) -lllmagg -Wl,-rpath,'$$ORIGIN/..'

bench-contend: $(BENCH)/contend ## what 64 threads of a C program cost each other; needs no server (tests/bench/cclient/contend.c)
	@for kind in drain credit switch refused custom; do echo "$$kind $$($(BENCH)/contend $$kind)"; done

$(BENCH)/contend: tests/bench/cclient/contend.c include/llmagg.h $(BUILD)/libllmagg.so
	@mkdir -p $(@D)
	$(CC) -std=c99 -O2 -Wall -Wextra -Iinclude $< -o $@ -L$(BUILD) -lllmagg -Wl,-rpath,'$$ORIGIN/..' -pthread

$(BENCH)/.python: tests/bench/requirements.txt
	@mkdir -p $(@D)
	rm -rf $(BENCH)/venv
	$(PYTHON3) -m venv $(BENCH)/venv
	$(BENCH_PYTHON) -m pip --disable-pip-version-check -q install 'setuptools>=77' wheel
	$(BENCH_PYTHON) -m pip --disable-pip-version-check -q install --only-binary :all: -r tests/bench/requirements.txt
	@touch $@

$(BENCH)/.package: $(BENCH)/.python $(BUILD)/libllmagg.so $(PY_SOURCES)
	LLMAGG_PREBUILT_LIBRARY="$(abspath $(BUILD))/libllmagg.so" $(BENCH_PYTHON) -m pip --disable-pip-version-check -q install \
		--no-build-isolation --no-deps --force-reinstall ./bindings/python
	@touch $@
