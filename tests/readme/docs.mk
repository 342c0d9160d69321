# The site and the programs of its pages. Included by the Makefile at the root; every path is relative to that. What is installed from
# PyPI, at the versions of the lock files, stays in build/docs and build/doc-examples.

PYTHON3      ?= python3
BUILD        ?= build
DOCS_VENV    := $(BUILD)/docs
DOC_EXAMPLES := $(BUILD)/doc-examples

.PHONY: docs doc-examples

docs: $(DOCS_VENV)/.tools ## build the site in build/site, in English and Chinese; broken links are errors
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/venv/bin/mkdocs build --strict --quiet
	@echo "build/site/index.html"

$(DOCS_VENV)/.tools: tests/readme/requirements-site.txt
	$(call locked-venv,$(DOCS_VENV)/venv,tests/readme/requirements-site.txt)
	@touch $@

# Pages whose programs import other libraries, before and after. `make test` runs the other pages.
doc-examples: lib venv $(DOC_EXAMPLES)/.tools ## run the pages that show other libraries, with the real packages
	LLMAGG_PREBUILT_LIBRARY="$(abspath $(BUILD))/libllmagg.so" $(DOC_EXAMPLES)/venv/bin/python -m pip --disable-pip-version-check -q install --force-reinstall --no-deps ./bindings/python
	LLMAGG_DOC_EXAMPLES=1 $(PYTHON) -m pytest -q -rs tests/readme -k "migration or adapters"

$(DOC_EXAMPLES)/.tools: tests/readme/requirements-examples.txt
	$(call locked-venv,$(DOC_EXAMPLES)/venv,tests/readme/requirements-examples.txt)
	@touch $@
