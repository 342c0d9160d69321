# The vendors' own SDKs against the fault wall and against `llmagg serve`. Included by the Makefile at the root; every path is relative to
# that. What it installs from PyPI and npm, at the versions of the lock files, stays in build/real-clients.

PYTHON3      ?= python3
BUILD        ?= build
REAL_CLIENTS := $(BUILD)/real-clients

.PHONY: real-clients

real-clients: lib $(REAL_CLIENTS)/.python $(if $(shell command -v npm),$(REAL_CLIENTS)/.node) ## the vendors' own SDKs read what the fault wall says
	LLMAGG_PREBUILT_LIBRARY="$(abspath $(BUILD))/libllmagg.so" $(REAL_CLIENTS)/venv/bin/python -m pip --disable-pip-version-check -q install --force-reinstall --no-deps ./bindings/python
	LLMAGG_NODE_CLIENT="$(if $(shell command -v npm),$(abspath $(REAL_CLIENTS))/node)" \
		$(REAL_CLIENTS)/venv/bin/python -m pytest -q -rs -p no:cacheprovider tests/realclients

$(REAL_CLIENTS)/.python: tests/realclients/requirements.txt
	$(call locked-venv,$(REAL_CLIENTS)/venv,tests/realclients/requirements.txt)
	@touch $@

$(REAL_CLIENTS)/.node: tests/realclients/package.json tests/realclients/package-lock.json
	@mkdir -p $(REAL_CLIENTS)/node
	cp tests/realclients/package.json tests/realclients/package-lock.json $(REAL_CLIENTS)/node
	cd $(REAL_CLIENTS)/node && npm ci --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@
