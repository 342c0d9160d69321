# The soak test. Included by the Makefile at the root; every path is relative to that.

SOAK_SECONDS ?= 600

.PHONY: soak soak-quick

soak: lib venv ## every kind of call at full speed for 10 minutes; what is left must be what was (SOAK_SECONDS=600)
	$(PYTHON) tests/soak/soak.py --seconds $(SOAK_SECONDS)

soak-quick: lib venv ## the same for a minute
	$(PYTHON) tests/soak/soak.py --seconds 60
