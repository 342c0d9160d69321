# Mutants of the core against the contract cases. Included by the Makefile at the root; every path is relative to that.

GO ?= go

.PHONY: wall-mutants

wall-mutants: ## one-line mutations of the core, each caught by its clause's contract case (MUTANTS=pattern: only those)
	$(GO) run ./tests/mutants -why $(if $(MUTANTS),-run '$(MUTANTS)')
