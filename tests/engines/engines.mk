# llmagg.bulk under Ray Data and Dask, with real workers. Included by the Makefile at the root; every path is relative to that.
# What is installed from PyPI stays in build/engines.

PYTHON3        ?= python3
BUILD          ?= build
ENGINES        := $(BUILD)/engines
ENGINES_PYTHON := $(ENGINES)/venv/bin/python
VERSITYGW      := $(ENGINES)/bin/versitygw
AZURITE        := $(ENGINES)/azurite/node_modules/.bin/azurite-blob

.PHONY: engines

engines: lib $(ENGINES)/.package $(VERSITYGW) $(AZURITE) ## llmagg.bulk under Ray Data and Dask, two workers each, and its ledger in an object store (installs 750 MB)
	RAY_USAGE_STATS_ENABLED=0 timeout 900 $(ENGINES_PYTHON) -m pytest -q -rs -p no:cacheprovider tests/engines

$(VERSITYGW): # a server of S3 over a folder
	GOBIN="$(abspath $(@D))" go install github.com/versity/versitygw/cmd/versitygw@v1.8.0

$(AZURITE): # a server of Azure's blobs; without npm its tests are left out
	if command -v npm > /dev/null; then npm install --silent --no-audit --no-fund --prefix $(ENGINES)/azurite azurite@3.35.0; fi

$(ENGINES)/.tools: tests/engines/requirements.txt
	@mkdir -p $(@D)
	$(PYTHON3) -m venv $(ENGINES)/venv
	$(ENGINES_PYTHON) -m pip --disable-pip-version-check -q install 'setuptools>=77' wheel 'msgspec>=0.18.6' -r tests/engines/requirements.txt
	@touch $@

$(ENGINES)/.package: $(ENGINES)/.tools $(BUILD)/libllmagg.so $(PY_SOURCES)
	LLMAGG_PREBUILT_LIBRARY="$(abspath $(BUILD))/libllmagg.so" $(ENGINES_PYTHON) -m pip --disable-pip-version-check -q install \
		--no-build-isolation --no-deps --force-reinstall ./bindings/python
	@touch $@
