# Fleets on a real store: processes in Go and Python share routes through Valkey. Included by the Makefile at the root; every path is
# relative to that.

FLEET_BUILD := $(BUILD)/fleet
FLEET_VENV  := $(FLEET_BUILD)/venv
FLEET_PY    := $(FLEET_VENV)/bin/python

.PHONY: fleet-test demo-fleet

$(FLEET_VENV)/.ready: $(LIB_SOURCES) $(PY_SOURCES) tests/fleet/requirements.txt
	$(MAKE) lib FLEET=1 BUILD=$(FLEET_BUILD)
	test -x $(FLEET_PY) || $(PYTHON3) -m venv $(FLEET_VENV)
	$(FLEET_PY) -m pip --disable-pip-version-check -q install 'setuptools>=77' wheel -r tests/fleet/requirements.txt
	LLMAGG_PREBUILT_LIBRARY="$(abspath $(FLEET_BUILD))/libllmagg.so" $(FLEET_PY) -m pip --disable-pip-version-check -q install --no-build-isolation --force-reinstall --no-deps ./bindings/python
	@touch $@

fleet-test: $(FLEET_VENV)/.ready ## fleets on a real Valkey and Debian's Redis: the store in Go, processes in Python
	@command -v redis-server redis-sentinel redis-cli >/dev/null || \
		{ apt-get update && apt-get install -y --no-install-recommends redis-server redis-sentinel; } >$(BUILD)/redis.log 2>&1 || \
		{ echo "redis-server is not installed, and Debian's package cannot be had"; exit 75; }
	OUT=$(FLEET_BUILD) BUILD=$(FLEET_BUILD) sh tests/capi/symbols.sh
	LLMAGG_VALKEY_SERVER="$$($(FLEET_PY) tests/fleet/server.py)" $(GO_TEST) -count=1 ./core/fleet/...
	$(FLEET_PY) tests/fleet/server.py env CC="$(CC)" LLMAGG_CONTRACT_DOORS=go,c,python LLMAGG_CONTRACT_BUILD="$(abspath $(FLEET_BUILD))" \
		LLMAGG_CONTRACT_PYTHON="$(abspath $(FLEET_PY))" $(GO_TEST) -count=1 -tags fleet -timeout 300s -run TestFleet ./tests/contract
	$(FLEET_PY) -m pytest -q -rs tests/fleet

demo-fleet: $(FLEET_VENV)/.ready ## three processes, one store, a route that dies: what each of them knows
	$(FLEET_PY) examples/demo/fleet.py
