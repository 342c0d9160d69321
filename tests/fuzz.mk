# Fuzzing, each target for FUZZTIME. Included by the Makefile at the root; every path is relative to that. In `go test` the same
# targets run on their seeds and on the corpora in testdata/fuzz; those of the C entry only here, since they need its tag.

GO       ?= go
BUILD    ?= build
FUZZTIME ?= 2s
FUZZ_OUT := $(BUILD)/fuzz

FUZZ_TARGETS := core/wire/eventstream:FuzzDecoder core/wire/eventstream:FuzzValues core/wire:FuzzVector core/wire:FuzzLift core/vendor:FuzzEmbedRequest core/vendor:FuzzEmbedAnswer core/vendor:FuzzRerank core/wire/awsstream:FuzzAWSStream core/failure:FuzzClassify core/failure:FuzzNamedWait \
                core/failure:FuzzReadable core/failure:FuzzJudgeBody core/transport:FuzzProxyExceptions core/wire/anthropic:FuzzRequest core/wire/anthropic:FuzzAnswer core/wire/bedrock:FuzzRequest core/wire/bedrock:FuzzAnswer core/wire/ollama:FuzzRequest core/wire/ollama:FuzzAnswer core/wire/responses:FuzzRequest core/wire/responses:FuzzAnswer core/wire/responses:FuzzPieces core/wire/gemini:FuzzRequest core/wire/gemini:FuzzAnswer \
                core/llm:FuzzPayload core/llm:FuzzReader core/internal/jsontext:FuzzWriter core/llm:FuzzAccumulator core/llm:FuzzCutAnswers core/llm:FuzzForeign core/config:FuzzConfig core/credential:FuzzTokens core/aggregator:FuzzHandOver \
                capi:FuzzEntryRequest capi:FuzzEntryConfig

FUZZ_PACKAGES := $(sort $(foreach target,$(FUZZ_TARGETS),$(firstword $(subst :, ,$(target)))))

# The C ABI as a Go test can call it: capi/entry_on.go.
ENTRY_TAG := llmagg_entry

.PHONY: fuzz fuzz-deep

# One instrumented program for each package; two targets at a time, each with one worker.
fuzz: ## fuzz decoders, configurations, requests, error mapping, translation and the C entry, FUZZTIME=2s each
	@listed=$(words $(FUZZ_TARGETS)); found=$$(grep -rh '^func Fuzz' --include='*_test.go' core capi | wc -l); \
		test $$listed -eq $$found || { echo "tests/fuzz.mk lists $$listed fuzz targets, the sources have $$found"; exit 1; }
	@mkdir -p $(FUZZ_OUT)
	@for package in $(FUZZ_PACKAGES); do \
		$(GO) test -c -fuzz . -tags $(ENTRY_TAG) -o "$(FUZZ_OUT)/$$(echo $$package | tr / _).test" "./$$package" || exit 1; \
	done
	@printf '%s\n' $(FUZZ_TARGETS) | FUZZ_OUT="$(abspath $(FUZZ_OUT))" FUZZTIME="$(FUZZTIME)" xargs -P 2 -n 1 sh tests/fuzz_target.sh

fuzz-deep: ## the same, 20 s each
	@$(MAKE) --no-print-directory fuzz FUZZTIME=20s
