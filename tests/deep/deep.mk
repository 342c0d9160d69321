# What takes too long for `make test`. Included by the Makefile at the root; every path is relative to that.

GO     ?= go
PYTHON ?= .venv/bin/python
BUILD  ?= build

# The targets of a lane run one after the other, beside those of the other lane. What installs Debian's packages or builds wheels is in
# one lane; the soak, which takes ten minutes on any machine, is in the other. Both take equally long. DEEP_PARTS=… runs only these. Not
# here: capi-asan, which make test runs, and real-servers, which needs npm and writes docs/real-servers.md.
DEEP_LANE_1 ?= packaging-deep pythons release-dry-run docs doc-examples capi-valgrind prometheus page fleet-test wall-mutants
DEEP_LANE_2 ?= soak process-deep capi-race fuzz-deep py-fuzz-deep real-clients rates adapters engines govulncheck pip-audit withdrawn
DEEP_LANES   = $(if $(DEEP_PARTS),'$(DEEP_PARTS)','$(DEEP_LANE_1)' '$(DEEP_LANE_2)')

.PHONY: check-deep prometheus page py-fuzz-deep real-clients adapters govulncheck pip-audit withdrawn

check-deep: lib venv ## everything that make test has no time for, under 40 minutes on 2 cores
	@MAKE="$(MAKE)" BUILD="$(BUILD)" sh tests/lanes.sh check-deep $(DEEP_LANES)

# New examples each time; the library's own part of a failure is told with what repeats it.
py-fuzz-deep: lib venv ## fuzz the Python package with 1000 new examples for each property
	LLMAGG_FUZZ=1000 timeout 900 $(PYTHON) -m pytest -q -rs tests/python/test_fuzz.py

prometheus: lib venv ## a real Prometheus runs the PromQL of examples/grafana against a process under load
	@command -v prometheus promtool >/dev/null || \
		{ apt-get update && apt-get install -y --no-install-recommends prometheus; } >$(BUILD)/prometheus.log 2>&1 || \
		{ echo "prometheus is not installed, and Debian's package cannot be had"; exit 75; }
	timeout 300 $(PYTHON) -m pytest -q -rs tests/python/test_dashboard.py
	$(GO_TEST) -count=1 ./core/meter

page: lib venv ## the page of `llmagg dashboard` in a headless Chromium
	@PYTHONPATH=tests/python $(PYTHON) -c 'import sys, browser; sys.exit(not browser.PROGRAM)' || \
		{ apt-get update && apt-get install -y --no-install-recommends chromium-headless-shell; } >$(BUILD)/page.log 2>&1 || \
		{ echo "Chromium is not installed, and Debian's package cannot be had"; exit 75; }
	timeout 300 $(PYTHON) -m pytest -q -rs tests/python/test_page.py

govulncheck: ## known vulnerabilities in what is linked in (VULNDB=file:///…: another database)
	@GO="$(GO)" VULNDB="$(VULNDB)" $(PYTHON3) tests/deep/audit.py govulncheck

pip-audit: venv ## known vulnerabilities in what is installed
	@$(PYTHON) tests/deep/audit.py pip-audit --tools $(BUILD)/audit

withdrawn: venv ## versions that their own authors have withdrawn
	@GO="$(GO)" $(PYTHON) tests/deep/audit.py withdrawn
