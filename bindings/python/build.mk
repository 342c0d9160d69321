# The Python wheel. Included by the Makefile at the root; every path is relative to that. Needs packaging/build.mk.

PYTHON3      ?= python3
WHEEL_DIR    ?= dist
WHEEL_VENV   ?= $(BUILD)/wheel-venv

.PHONY: wheel

wheel: lib ## build a self-contained Python wheel for this machine in dist/
	@test -x $(WHEEL_VENV)/bin/pip || $(PYTHON3) -m venv $(WHEEL_VENV)
	$(WHEEL_VENV)/bin/pip install -q 'setuptools>=77' wheel
	@mkdir -p $(WHEEL_DIR)
	LLMAGG_PREBUILT_LIBRARY='$(CURDIR)/$(BUILD)/libllmagg.so' \
		$(WHEEL_VENV)/bin/pip wheel -q --no-deps --no-build-isolation -w $(WHEEL_DIR) ./bindings/python
	@ls $(WHEEL_DIR)/llmagg-*.whl
