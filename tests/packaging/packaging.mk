# Tests of what users get: installed files, wheels, the stability of the ABI. Included by the Makefile at the root; every path is
# relative to that.

PACKAGING_APT := abigail-tools qemu-user-static musl-tools cmake pkg-config binutils unzip

.PHONY: packaging-test packaging-deep packaging-apt

packaging-test: lib static ## what `make install` gives, and equal builds in two folders
	@CC="$(CC)" CXX="$(CXX)" GO="$(GO)" BUILD="$(BUILD)" LIMIT=400 TITLE=packaging sh tests/capi/run.sh \
		tests/packaging/install.sh tests/packaging/folders.sh tests/packaging/licenses.sh tests/packaging/downloaded_go.sh

# Everything, with nothing skipped; needs Debian's packages and the registries of Python and Go. FRESH compiles the second build anew.
packaging-deep: packaging-apt lib static wheel ## wheels in clean environments, the ABI against the last release, musl, equal builds from nothing
	@CC="$(CC)" CXX="$(CXX)" GO="$(GO)" PYTHON3="$(PYTHON3)" BUILD="$(BUILD)" FRESH=1 LIMIT=1200 TITLE='packaging, deep' sh tests/capi/run.sh \
		tests/packaging/abi.sh tests/packaging/musl.sh tests/packaging/wheels.sh tests/packaging/install.sh tests/packaging/folders.sh

# Status 75: could not be tried on this machine (tests/lanes.sh tells that apart).
packaging-apt:
	@missing=''; for p in $(PACKAGING_APT); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; test -z "$$missing" || { \
		command -v apt-get >/dev/null && test "$$(id -u)" -eq 0 && apt-get -q update >/dev/null && \
		apt-get -q install -y --no-install-recommends $$missing >/dev/null; } || \
		{ echo "packaging-deep needs Debian's packages$$missing, which could not be installed (as root: apt-get install$$missing)" >&2; exit 75; }
