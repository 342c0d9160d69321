package client_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

func geminiRoute(t *testing.T, steps string) (*client.Client, func() map[string]string) {
	t.Helper()
	w := wallWith(t, steps)
	c := route(t, w, func(cfg *config.Model) { cfg.Provider, cfg.BaseURL = "gemini", w.GeminiURL() })
	return c, func() map[string]string { return w.Seen().Requests[0].Headers }
}

func TestGeminiChat(t *testing.T) {
	c, headers := geminiRoute(t, `[{"text":"Guten Tag","reasoning":"hm"}]`)
	r, err := c.Chat(context.Background(), ask())
	require.NoError(t, err)
	require.Equal(t, "Guten Tag", r.Text())
	require.Equal(t, "hm", r.Choices[0].Message.ReasoningContent)
	require.Equal(t, "stop", r.Choices[0].FinishReason)
	require.Positive(t, r.Usage.TotalTokens)
	require.Equal(t, "sk-secret-key", headers()["x-goog-api-key"])
	require.Empty(t, headers()["authorization"])
}

func TestGeminiStreamWithToolCalls(t *testing.T) {
	c, _ := geminiRoute(t, `[{"tool_calls":[{"name":"f","arguments":"{\"x\":1}"},{"name":"g","arguments":"{}"}]}]`)
	s, err := c.Stream(context.Background(), ask())
	require.NoError(t, err)
	r, err := s.Collect()
	require.NoError(t, err)
	calls := r.Choices[0].Message.ToolCalls
	require.Len(t, calls, 2)
	require.Equal(t, "f", calls[0].Function.Name)
	require.JSONEq(t, `{"x":1}`, calls[0].Function.Arguments)
	require.NotEqual(t, calls[0].ID, calls[1].ID)
	require.Equal(t, "tool_calls", r.Choices[0].FinishReason)
}

func TestGeminiBlockedPromptIsContentFilter(t *testing.T) {
	c, _ := geminiRoute(t, `[{"body":{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3}}}]`)
	_, err := c.Chat(context.Background(), ask())
	require.Equal(t, llm.ContentFilter, llm.CodeOfError(err))
	_, err = c.Stream(context.Background(), ask())
	require.Equal(t, llm.ContentFilter, llm.CodeOfError(err))
}

func TestGeminiInvalidKeyIsAuthentication(t *testing.T) {
	body, _ := json.Marshal(map[string]any{"error": map[string]any{"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT",
		"details": []any{map[string]any{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}}}})
	c, _ := geminiRoute(t, `[{"status":400,"body":`+string(body)+`}]`)
	_, err := c.Chat(context.Background(), ask())
	require.Equal(t, llm.Authentication, llm.CodeOfError(err))
}
