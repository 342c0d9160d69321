# What takes too long for `make test`. Included by the Makefile at the root; every path is relative to that.

GO     ?= go
PYTHON ?= .venv/bin/python
BUILD  ?= build

# One target each; DEEP_PARTS=… runs only those.
DEEP_PARTS ?= packaging-deep govulncheck pip-audit withdrawn \
              fuzz-deep py-fuzz-deep \
              capi-asan capi-race capi-valgrind \
              process-deep pythons \
              wall-mutants \
              soak

.PHONY: check-deep py-fuzz-deep govulncheck pip-audit withdrawn

check-deep: lib venv ## everything that make test has no time for, under 40 minutes on 2 cores
	@MAKE="$(MAKE)" BUILD="$(BUILD)" sh tests/deep/run.sh $(DEEP_PARTS)

# New examples each time; the library's own part of a failure is told with what repeats it.
py-fuzz-deep: lib venv ## fuzz the Python package with 1000 new examples for each property
	LLMAGG_FUZZ=1000 timeout 900 $(PYTHON) -m pytest -q tests/python/test_fuzz.py

govulncheck: ## known vulnerabilities in what is linked in (VULNDB=file:///…: another database)
	@GO="$(GO)" VULNDB="$(VULNDB)" $(PYTHON3) tests/deep/audit.py govulncheck

pip-audit: venv ## known vulnerabilities in what is installed
	@$(PYTHON) tests/deep/audit.py pip-audit --tools $(BUILD)/audit

withdrawn: venv ## versions that their own authors have withdrawn
	@GO="$(GO)" $(PYTHON) tests/deep/audit.py withdrawn
