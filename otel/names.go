package otelllm

import (
	"os"
	"strings"
)

// names are those of attributes in the two generations of OpenTelemetry's
// conventions for generative AI, 1.37 and the latest; "" where a generation has
// none. A test compares them with the table of Python's llmagg.otel.
var names = map[string][2]string{
	"operation":             {"gen_ai.operation.name", "gen_ai.operation.name"},
	"provider":              {"gen_ai.provider.name", "gen_ai.provider.name"},
	"model":                 {"gen_ai.request.model", "gen_ai.request.model"},
	"stream":                {"", "gen_ai.request.stream"},
	"max_tokens":            {"gen_ai.request.max_tokens", "gen_ai.request.max_tokens"},
	"max_completion_tokens": {"gen_ai.request.max_tokens", "gen_ai.request.max_tokens"},
	"temperature":           {"gen_ai.request.temperature", "gen_ai.request.temperature"},
	"top_p":                 {"gen_ai.request.top_p", "gen_ai.request.top_p"},
	"frequency_penalty":     {"gen_ai.request.frequency_penalty", "gen_ai.request.frequency_penalty"},
	"presence_penalty":      {"gen_ai.request.presence_penalty", "gen_ai.request.presence_penalty"},
	"seed":                  {"gen_ai.request.seed", "gen_ai.request.seed"},
	"n":                     {"gen_ai.request.choice.count", "gen_ai.request.choice.count"},
	"stop":                  {"gen_ai.request.stop_sequences", "gen_ai.request.stop_sequences"},
	"reasoning_effort":      {"", "gen_ai.request.reasoning.level"},
	"server_address":        {"server.address", "server.address"},
	"server_port":           {"server.port", "server.port"},
	"response_id":           {"gen_ai.response.id", "gen_ai.response.id"},
	"response_model":        {"gen_ai.response.model", "gen_ai.response.model"},
	"finish_reasons":        {"gen_ai.response.finish_reasons", "gen_ai.response.finish_reasons"},
	"first_chunk":           {"", "gen_ai.response.time_to_first_chunk"},
	"input_tokens":          {"gen_ai.usage.input_tokens", "gen_ai.usage.input_tokens"},
	"output_tokens":         {"gen_ai.usage.output_tokens", "gen_ai.usage.output_tokens"},
	"cached_tokens":         {"", "gen_ai.usage.cache_read.input_tokens"},
	"cache_write_tokens":    {"", "gen_ai.usage.cache_write.input_tokens"},
	"reasoning_tokens":      {"", "gen_ai.usage.reasoning.output_tokens"},
}

// providers are the conventions' names of providers, where ours differ.
var providers = map[string]string{
	"azure": "azure.ai.openai", "bedrock": "aws.bedrock", "gemini": "gcp.gemini", "mistral": "mistral_ai",
	"vertex": "gcp.vertex_ai", "xai": "x_ai",
}

// generation is the column of names that OTEL_SEMCONV_STABILITY_OPT_IN asks
// for.
func generation() int {
	for asked := range strings.SplitSeq(os.Getenv("OTEL_SEMCONV_STABILITY_OPT_IN"), ",") {
		if strings.TrimSpace(asked) == "gen_ai_latest_experimental" {
			return 1
		}
	}
	return 0
}

// providerName is the conventions' name of a provider.
func providerName(name string) string {
	if theirs := providers[name]; theirs != "" {
		return theirs
	}
	return name
}
