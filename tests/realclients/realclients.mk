# The vendors' own SDKs against the fault wall. Included by the Makefile at the root; every path is relative to that. What it installs
# from PyPI, at the versions of the lock file, stays in build/real-clients.

PYTHON3      ?= python3
BUILD        ?= build
REAL_CLIENTS := $(BUILD)/real-clients

.PHONY: real-clients

real-clients: lib $(REAL_CLIENTS)/.python ## the vendors' own SDKs read what the fault wall says
	LLMAGG_PREBUILT_LIBRARY="$(abspath $(BUILD))/libllmagg.so" $(REAL_CLIENTS)/venv/bin/python -m pip --disable-pip-version-check -q install --force-reinstall --no-deps ./bindings/python
	$(REAL_CLIENTS)/venv/bin/python -m pytest -q -p no:cacheprovider tests/realclients

$(REAL_CLIENTS)/.python: tests/realclients/requirements.txt
	@mkdir -p $(@D)
	rm -rf $(REAL_CLIENTS)/venv
	$(PYTHON3) -m venv $(REAL_CLIENTS)/venv
	$(REAL_CLIENTS)/venv/bin/python -m pip --disable-pip-version-check -q install --only-binary :all: -r tests/realclients/requirements.txt
	@touch $@
