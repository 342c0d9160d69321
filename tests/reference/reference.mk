# What users read about settings and errors. Included by the Makefile at the root; every path is relative to that.

.PHONY: reference

reference: ## write the lists of settings and errors (docs/reference, header, Python's docstring) from the library's tables
	LLMAGG_UPDATE=1 $(GO) test -count=1 -run TestReference -v ./tests/reference
