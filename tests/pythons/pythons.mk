# The Python tests with every interpreter from 3.10 on that is on this machine. Included by the Makefile at the root; every path
# is relative to that.

PYTHONS ?= $(wildcard $(HOME)/.pyenv/versions/3.*/bin/python) \
           $(foreach v,3.10 3.11 3.12 3.13 3.14 3.13t 3.14t,$(shell command -v python$(v) 2>/dev/null))
PYTHON_ARCH  := $(shell uname -m)
PYTHON_WHEEL = $(firstword $(wildcard $(WHEEL_DIR)/llmagg-*_$(PYTHON_ARCH).whl))

.PHONY: pythons pythons-debian

pythons: wheel-$(PYTHON_ARCH) ## the core of the Python tests with each Python from 3.10 on that is here (PYTHONS=...)
	@sh tests/pythons/run.sh '$(PYTHON_WHEEL)' $(BUILD)/pythons $(PYTHONS)

pythons-debian: wheel-$(PYTHON_ARCH) ## the same with Python 3.14 of Debian sid, in a root of its own; needs root and mmdebstrap
	@sh tests/pythons/debian.sh '$(PYTHON_WHEEL)' $(BUILD)/debian
