# llmagg: see README.md. `make help` lists the targets.

GO      ?= go
PYTHON3 ?= python3
CC      ?= cc
CXX     ?= c++
VENV    := .venv
PYTHON  := $(VENV)/bin/python
BUILD   := build

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@2026.2.2

export GOFLAGS += -trimpath

.DEFAULT_GOAL := help
.PHONY: help check-tools demo test quick lint go-test go-quick py-test capi-test examples clean venv

include packaging/build.mk
include packaging/capi_tests.mk
include bindings/python/build.mk
include tests/contract/contract.mk

help: ## list the targets
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST) | sort

check-tools: ## say what is missing on this machine
	@GO="$(GO)" PYTHON3="$(PYTHON3)" CC="$(CC)" CXX="$(CXX)" sh packaging/check_tools.sh

demo: check-tools lib venv ## the main job in Python, Go and C; without keys against a server of its own
	@$(GO) build -o $(BUILD)/demo-chat ./examples/go/chat
	@$(CC) -std=c99 -Wall -Wextra -Iinclude examples/c/chat.c -o $(BUILD)/demo-chat-c -L$(BUILD) -lllmagg -Wl,-rpath,'$$ORIGIN'
	@$(PYTHON) examples/demo/demo.py --go $(BUILD)/demo-chat --c $(BUILD)/demo-chat-c

test: check-tools lint go-test capi-test py-test contract examples ## all tests, under 12 minutes on 2 cores
	@echo "all tests passed"

quick: check-tools go-quick lib venv ## the part for between two commits, under 2 minutes
	$(PYTHON) -m pytest -q -x -m "not slow" tests/python

lint: check-tools venv ## vet, staticcheck, gofmt, mypy --strict, ruff
	@test -z "$$(gofmt -l core capi examples tests)" || { echo "gofmt wants to change:"; gofmt -l core capi examples tests; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	cd bindings/python && ../../$(PYTHON) -m mypy --strict src
	$(PYTHON) -m ruff check --config bindings/python/pyproject.toml bindings/python/src tests/python examples/python examples/ctypes examples/demo

go-test: ## Go tests with the race detector
	$(GO) test -race -timeout 300s ./core/... ./capi/... ./tests/architecture/...

go-quick: ## Go tests without the race detector
	$(GO) vet ./core/... ./capi/...
	$(GO) test -timeout 100s ./core/...

py-test: lib venv ## Python tests against the built library
	$(PYTHON) -m pytest -q tests/python

examples: lib venv ## every Go example, run
	$(GO) test -count=1 ./examples/go/...

clean: ## remove what was built
	rm -rf $(BUILD) $(VENV) bindings/python/build bindings/python/src/*.egg-info
