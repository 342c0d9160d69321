# The contract cases, through Go, C and Python. Included by the Makefile at the root; every path is relative to that.

GO     ?= go
CC     ?= cc
PYTHON ?= .venv/bin/python
BUILD  ?= build

.PHONY: contract wall

contract: lib venv ## the contract cases through Go, C and Python (CONTRACT_RUN=pattern: only those)
	CC="$(CC)" LLMAGG_CONTRACT_DOORS=go,c,python LLMAGG_CONTRACT_BUILD="$(abspath $(BUILD))" LLMAGG_CONTRACT_PYTHON="$(abspath $(PYTHON))" \
		$(GO_TEST) -count=1 -parallel 3 -timeout 300s $(if $(CONTRACT_RUN),-run 'TestContract/.*/($(CONTRACT_RUN))') ./tests/contract

wall: lib venv ## the scorecard: every contract case through Go, C and Python, as a table and as docs/scorecard.md; fails with any of them
	cd tests/contract && CC="$(CC)" LLMAGG_CONTRACT_DOORS=go,c,python LLMAGG_CONTRACT_BUILD="$(abspath $(BUILD))" \
		LLMAGG_CONTRACT_PYTHON="$(abspath $(PYTHON))" LLMAGG_SCORECARD="$(abspath docs/scorecard.md)" \
		$(GO) test -count=1 -parallel 3 -timeout 300s -run 'TestContract|TestEveryClauseHasACase'
	$(PYTHON) tests/readme/written.py
