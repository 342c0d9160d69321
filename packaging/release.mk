# What a release would publish. Included by the Makefile at the root; every path is relative to that. Needs packaging/build.mk and
# bindings/python/build.mk. See packaging/RELEASE.md.

RELEASE_C := llmagg-$(LIB_VERSION)-linux-$(shell uname -m)

.PHONY: sdist release-c release-dry-run

sdist: $(WHEEL_VENV)/.tools ## build the source archive of the Python package in dist/
	@mkdir -p $(WHEEL_DIR)
	@rm -f $(WHEEL_DIR)/llmagg-$(LIB_VERSION).tar.gz
	cd bindings/python && PYTHONPATH=_build ../../$(WHEEL_VENV)/bin/python -c "import backend; backend.build_sdist('$(abspath $(WHEEL_DIR))')" >/dev/null

release-c: ## build the archive of the C library for this machine in dist/
	rm -rf $(BUILD)/release && mkdir -p $(WHEEL_DIR) $(BUILD)/release
	$(MAKE) --no-print-directory -s install PREFIX=/usr/local DESTDIR=$(abspath $(BUILD))/release
	mv $(BUILD)/release/usr/local $(BUILD)/release/$(RELEASE_C)
	tar czf $(WHEEL_DIR)/$(RELEASE_C).tar.gz -C $(BUILD)/release --owner=0 --group=0 $(RELEASE_C)

release-dry-run: ## build everything that a release publishes, and use each in an empty environment (WHEEL_ARCHS=x86_64: this one only)
	rm -rf $(WHEEL_DIR)
	$(MAKE) --no-print-directory wheel sdist release-c
	@CC="$(CC)" GO="$(GO)" PYTHON3="$(PYTHON3)" BUILD="$(BUILD)" LIMIT=1800 TITLE='release, dry run' sh tests/capi/run.sh tests/packaging/release.sh
