# The adapters of llmagg.adapters with the libraries that they are for. Included by the Makefile at the root; every path is relative to that.
# What it installs from PyPI, at the versions of the lock files, stays in build/adapters.

PYTHON3  ?= python3
BUILD    ?= build
ADAPTERS := $(BUILD)/adapters

.PHONY: adapters

adapters: lib $(ADAPTERS)/requirements/.python $(ADAPTERS)/llama_index/.python ## the adapters with openai, pydantic-ai, LangChain and LlamaIndex
	for venv in requirements llama_index; do \
		LLMAGG_PREBUILT_LIBRARY="$(abspath $(BUILD))/libllmagg.so" \
			$(ADAPTERS)/$$venv/bin/python -m pip --disable-pip-version-check -q install --force-reinstall --no-deps ./bindings/python || exit 1; \
	done
	$(ADAPTERS)/requirements/bin/python -m pytest -q -rs -p no:cacheprovider tests/adapters --ignore tests/adapters/test_llama_index.py
	$(ADAPTERS)/llama_index/bin/python -m pytest -q -rs -p no:cacheprovider tests/adapters/test_llama_index.py tests/adapters/test_openai.py

$(ADAPTERS)/%/.python: tests/adapters/%.txt
	$(call locked-venv,$(@D),$<)
	@touch $@
