package vendor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The names are those of litellm, langchain, pydantic-ai, the AI SDK, Ollama
// and OpenRouter.
func TestNamesOfOtherLibrariesAreUnderstood(t *testing.T) {
	for name, meant := range map[string]string{
		"openai:gpt-4o":                 "openai/gpt-4o",
		"openai-responses:gpt-5":        "openai/gpt-5",
		"anthropic:claude-x":            "anthropic/claude-x",
		"google-gla:gemini-x":           "gemini/gemini-x",
		"google_genai:gemini-x":         "gemini/gemini-x",
		"google_vertexai:gemini-x":      "vertex/gemini-x",
		"azure_openai:dep":              "azure/dep",
		"bedrock_converse:a.b-v1:0":     "bedrock/a.b-v1:0",
		"ollama_chat/llama3":            "ollama/llama3",
		"nvidia_nim/meta/llama":         "nvidia/meta/llama",
		"hosted_vllm/x":                 "vllm/x",
		"azure_ai/x":                    "azure/x",
		"azure_text/x":                  "azure/x",
		"together_ai/x":                 "together/x",
		"fireworks_ai/x":                "fireworks/x",
		"cohere_chat/x":                 "cohere/x",
		"text-completion-openai/x":      "openai/x",
		"lm_studio/x":                   "lmstudio/x",
		"vertex_ai_beta/x":              "vertex/x",
		"mistralai/x":                   "mistral/x",
		"x-ai/grok":                     "xai/grok",
		"models/gemini-2.5-flash":       "gemini/gemini-2.5-flash",
		"gpt-4o":                        "openai/gpt-4o",
		"text-embedding-3-small":        "openai/text-embedding-3-small",
		"embed-v4.0":                    "cohere/embed-v4.0",
		"text-embedding-ada-002":        "openai/text-embedding-ada-002",
		"text-embedding-v4":             "qwen/text-embedding-v4",
		"text-embedding-005":            "vertex/text-embedding-005",
		"nomic-embed-text":              "",
		"mxbai-embed-large":             "",
		"text-generation-webui/x":       "",
		"my-text-model":                 "",
		"claude-sonnet-5":               "anthropic/claude-sonnet-5",
		"gemini-flash-latest":           "gemini/gemini-flash-latest",
		"grok-4":                        "xai/grok-4",
		"kimi-k2.6":                     "moonshot/kimi-k2.6",
		"llama3:8b":                     "ollama/llama3:8b",
		"mistral:latest":                "ollama/mistral:latest",
		"vertex_ai/gemini-x":            "",
		"bedrock/anthropic.claude-v1:0": "",
		"openai/gpt-4o":                 "",
		"openai/":                       "",
		"openai:":                       "",
		"meta-llama/Llama-3":            "",
		"nobody":                        "",
		"":                              "",
		":":                             "",
		"/x":                            "",
		":x":                            "",
	} {
		require.Equal(t, meant, Meant(name), name)
	}
}
