# What the library does to the process that it lives in: the long forms. Included by the Makefile at the root; every path is
# relative to that. The short ones are in `make test`.

.PHONY: process-deep

process-deep: lib venv ## 200 interpreter exits in the middle of streams, and everything about forks, signals and loops twice
	$(PYTHON) -m pytest -q -rs --deep tests/python/test_exit.py
	for round in 1 2; do \
		$(PYTHON) -m pytest -q -rs tests/python/test_fork.py tests/python/test_fork_in_flight.py tests/python/test_fork_servers.py \
			tests/python/test_signals.py tests/python/test_blocking.py tests/python/test_uvloop.py || exit 1; \
	done
