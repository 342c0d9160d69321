# Fuzzing, each target for FUZZTIME. Included by the Makefile at the root; every path is relative to that. In `go test` the same
# targets run on their seeds.

GO       ?= go
FUZZTIME ?= 5s

FUZZ_TARGETS := core/client/eventstream:FuzzDecoder core/client:FuzzClassify core/client:FuzzNamedWait \
                core/client:FuzzReadable core/client:FuzzProxyExceptions core/client:FuzzGeminiRequest core/client:FuzzGeminiAnswer \
                core/llm:FuzzPayload core/llm:FuzzReader core/llm:FuzzAccumulator core/aggregator:FuzzHandOver

.PHONY: fuzz

fuzz: ## fuzz the decoders, the error mapping and the hand-over, FUZZTIME=5s each
	@for target in $(FUZZ_TARGETS); do \
		echo "== $$target"; \
		$(GO) test -run '^$$' -fuzz "^$${target#*:}\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x "./$${target%:*}" || exit 1; \
	done
	@listed=$$(echo $(FUZZ_TARGETS) | wc -w); found=$$(grep -rh '^func Fuzz' --include='*_test.go' core capi | wc -l); \
		test $$listed -eq $$found || { echo "tests/fuzz.mk lists $$listed fuzz targets, the sources have $$found"; exit 1; }
