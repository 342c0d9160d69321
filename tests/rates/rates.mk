# Routes' limits against real token buckets. Included by the Makefile at the root; every path is relative to that. `make test` runs the
# short forms.

GO ?= go

.PHONY: rates

rates: ## use of quotas and refused requests over minutes, in one process and in eight
	LLMAGG_RATES=long $(GO) test -count=1 -parallel 24 -timeout 300s -v -run TestTheQuotaIsUsed ./tests/rates
