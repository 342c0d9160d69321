# Tests of what users get: installed files, wheels, the stability of the ABI. Included by the Makefile at the root; every path is
# relative to that.

.PHONY: packaging-test

packaging-test: lib static ## what `make install` gives, and equal builds in two folders
	@CC="$(CC)" CXX="$(CXX)" GO="$(GO)" BUILD="$(BUILD)" LIMIT=400 TITLE=packaging sh tests/capi/run.sh \
		tests/packaging/install.sh tests/packaging/folders.sh tests/packaging/licenses.sh
