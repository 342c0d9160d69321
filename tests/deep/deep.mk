# What takes too long for `make test`. Included by the Makefile at the root; every path is relative to that.

GO     ?= go
PYTHON ?= .venv/bin/python
BUILD  ?= build

# One target each; DEEP_PARTS=… runs only those.
DEEP_PARTS ?= fuzz-deep govulncheck pip-audit withdrawn

.PHONY: check-deep govulncheck pip-audit withdrawn

check-deep: lib venv ## everything that make test has no time for, under 40 minutes on 2 cores
	@MAKE="$(MAKE)" BUILD="$(BUILD)" sh tests/deep/run.sh $(DEEP_PARTS)

govulncheck: ## known vulnerabilities in what is linked in (VULNDB=file:///…: another database)
	@GO="$(GO)" VULNDB="$(VULNDB)" $(PYTHON3) tests/deep/audit.py govulncheck

pip-audit: venv ## known vulnerabilities in what is installed
	@$(PYTHON) tests/deep/audit.py pip-audit --tools $(BUILD)/audit

withdrawn: venv ## versions that their own authors have withdrawn
	@GO="$(GO)" $(PYTHON) tests/deep/audit.py withdrawn
