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

real-servers-install: $(REAL_SERVERS)/.python $(REAL_SERVERS)/.litellm $(REAL_SERVERS)/.ollama $(REAL_SERVERS)/.node

$(REAL_SERVERS)/.python: tests/realservers/requirements.txt
	$(call locked-venv,$(REAL_SERVERS)/venv,tests/realservers/requirements.txt)
	@touch $@

# litellm fixes the versions of much that the others need newer.
$(REAL_SERVERS)/.litellm: tests/realservers/litellm.txt
	$(call locked-venv,$(REAL_SERVERS)/litellm,tests/realservers/litellm.txt)
	@touch $@

# Ollama's Go module lacks headers that llama.cpp takes from others; llama_cpp_python's source package has them.
HEADERS := $(abspath $(REAL_SERVERS))/headers
$(REAL_SERVERS)/.ollama: tests/realservers/ollama/go.mod
	rm -rf $(HEADERS)
	@mkdir -p $(HEADERS)
	$(PYTHON3) -m pip --disable-pip-version-check -q download --no-deps --no-binary :all: -d $(HEADERS) llama_cpp_python==0.3.36
	tar xzf $(HEADERS)/llama_cpp_python-0.3.36.tar.gz -C $(HEADERS) --strip-components=4 --wildcards '*/vendor/llama.cpp/vendor/*'
	cd tests/realservers/ollama && CGO_CFLAGS="-O2 -I$(HEADERS)" CGO_CXXFLAGS="-O2 -I$(HEADERS) -I$(HEADERS)/stb -I$(HEADERS)/miniaudio" \
		$(GO) build -o $(abspath $(REAL_SERVERS))/ollama github.com/ollama/ollama
	@touch $@

$(REAL_SERVERS)/.node: tests/realservers/package.json tests/realservers/package-lock.json
	@command -v npm >/dev/null || { echo "make real-servers needs npm (Node.js 20 or newer)"; exit 1; }
	@mkdir -p $(REAL_SERVERS)/node
	cp tests/realservers/package.json tests/realservers/package-lock.json $(REAL_SERVERS)/node
	cd $(REAL_SERVERS)/node && npm ci --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@
