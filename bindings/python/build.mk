# The Python wheels. Included by the Makefile at the root; every path is relative to that. Needs packaging/build.mk.

PYTHON3      ?= python3
WHEEL_DIR    ?= dist
WHEEL_VENV   ?= $(BUILD)/wheel-venv
WHEEL_ARCHS  ?= x86_64 aarch64
WHEEL_SBOM   := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
WHEEL_GOARCH_x86_64  := amd64
WHEEL_GOARCH_aarch64 := arm64

# $(call NAME_VALKEY,BILL): the library's valkey-go, from a folder that the build alone sees (packaging/goruntime.sh), under its own name.
NAME_VALKEY   = version=$$($(GO) list -m -f '{{.Version}}' github.com/valkey-io/valkey-go) && sed -i \
	-e '/"name": "[.].packaging.valkey-go"/,/"version"/s|(devel)",|'"$$version"'",\n      "pedigree": {"notes": "changed for llmagg by packaging/goruntime.sh"},|' \
	-e "s|[.]/packaging/valkey-go@(devel)|github.com/valkey-io/valkey-go@$$version|" \
	-e 's|"[.]/packaging/valkey-go"|"github.com/valkey-io/valkey-go"|' $1

.PHONY: wheel twins $(WHEEL_ARCHS:%=wheel-%)

twins: ## write the blocking twins of Python's coroutines anew (a test holds that they are up to date)
	$(PYTHON3) bindings/python/_build/twins.py

wheel: $(WHEEL_ARCHS:%=wheel-%) ## build self-contained Python wheels for glibc 2.17 in dist/ (WHEEL_ARCHS='x86_64 aarch64')
	@ls $(WHEEL_DIR)/llmagg-*.whl

$(WHEEL_VENV)/.tools: packaging/wheel-requirements.txt packaging/zigcc.sh
	$(PYTHON3) -m venv $(WHEEL_VENV)
	$(WHEEL_VENV)/bin/python -m pip --disable-pip-version-check -q install -r packaging/wheel-requirements.txt
	for arch in $(WHEEL_ARCHS); do cp packaging/zigcc.sh $(WHEEL_VENV)/bin/zigcc-$$arch; done
	@touch $@

# The package is built from a copy, so that no library of another architecture is left among the sources. The timestamps in the
# archive are those of the last commit, or of 2024 without one: the same sources give the same wheel.
$(WHEEL_ARCHS:%=wheel-%): wheel-%: $(WHEEL_VENV)/.tools
	PATH="$(abspath $(WHEEL_VENV))/bin:$$PATH" $(MAKE) lib FLEET=1 BUILD=$(BUILD)/wheel-$* CC=zigcc-$* GOARCH=$(WHEEL_GOARCH_$*) CGO_ENABLED=1
	chmod +x $(BUILD)/wheel-$*/libllmagg.so
	GOFLAGS= $(GO) run $(WHEEL_SBOM) bin -json -std -noserial -notimestamp -version v$(LIB_VERSION) \
		-output $(BUILD)/wheel-$*/libllmagg.cdx.json $(BUILD)/wheel-$*/libllmagg.so
	$(call NAME_VALKEY,$(BUILD)/wheel-$*/libllmagg.cdx.json)
	@rm -rf $(BUILD)/wheel-$*/package $(WHEEL_DIR)/llmagg-*_$*.whl && mkdir -p $(WHEEL_DIR) $(BUILD)/wheel-$*/package
	cp -RL bindings/python/. $(BUILD)/wheel-$*/package
	rm -rf $(BUILD)/wheel-$*/package/build $(BUILD)/wheel-$*/package/src/*.egg-info
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 1704067200)} \
	LLMAGG_PREBUILT_LIBRARY="$(abspath $(BUILD))/wheel-$*/libllmagg.so" LLMAGG_SBOM="$(abspath $(BUILD))/wheel-$*/libllmagg.cdx.json" \
	LLMAGG_WHEEL_PLATFORM=manylinux_2_17_$*.manylinux2014_$* \
		$(WHEEL_VENV)/bin/python -m pip --disable-pip-version-check wheel -q --no-deps --no-build-isolation -w $(WHEEL_DIR) ./$(BUILD)/wheel-$*/package
