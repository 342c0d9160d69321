package gemini

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// An answer of Gemini's goes back to it as it came: its parts in their order,
// each with its signature, unknown ones and images among them. Another vendor's
// parts do not.
func TestAnswerGoesBack(t *testing.T) {
	const parts = `[{"text":"hm","thought":true,"thoughtSignature":"dGg="},{"text":"look"},{"functionCall":{"id":"1","name":"f","args":{"x":1}},"thoughtSignature":"c2ln"},` +
		`{"inlineData":{"mimeType":"image/png","data":"AAAA"},"thoughtSignature":"aW0="},{"executableCode":{"language":"PYTHON","code":"1"},"thoughtSignature":"Y28="},{"text":" done"},{"thoughtSignature":"ZW5k"}]`
	r, err := newReader("gemini-3-pro").response([]byte(`{"candidates":[{"content":{"role":"model","parts":` + parts + `},"finishReason":"STOP"}]}`))
	require.NoError(t, err)
	body, left := sentBack(t, r.Choices[0].Message)
	require.JSONEq(t, `{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"dGg="},{"text":"look"},{"functionCall":{"id":"1","name":"f","args":{"x":1}},"thoughtSignature":"c2ln"},`+
		`{"inlineData":{"mimeType":"image/png","data":"AAAA"},"thoughtSignature":"aW0="},{"executableCode":{"language":"PYTHON","code":"1"},"thoughtSignature":"Y28="},{"text":" done"},{"text":"","thoughtSignature":"ZW5k"}]}]}`, body)
	require.Empty(t, left)

	changed := r.Choices[0].Message
	changed.Content = "other words"
	body, left = sentBack(t, changed)
	require.NotContains(t, body, "executableCode")
	require.Equal(t, []string{"messages.parts[thinking]", "messages.parts[image]", "messages.parts[other]"}, left)

	bare, err := newReader("gemini-3-pro").response([]byte(`{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true},{"text":"yes","thoughtSignature":"c2ln"}]},"finishReason":"STOP"}]}`))
	require.NoError(t, err)
	body, left = sentBack(t, bare.Choices[0].Message)
	require.NotContains(t, body, "hm")
	require.Equal(t, []string{"messages.reasoning_content"}, left)

	foreign := llm.Message{Role: llm.RoleAssistant, Content: "yes", Extra: llm.Extra{llm.PartsField: []byte(`[{"type":"thinking","owner":"anthropic/m","raw":{"type":"thinking","signature":"x"}},{"type":"text","bytes":3}]`)}}
	body, left = sentBack(t, foreign)
	require.JSONEq(t, `{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"text":"yes"}]}]}`, body)
	require.Equal(t, []string{"messages.parts"}, left)
}

func sentBack(t *testing.T, m llm.Message) (body string, left []string) {
	t.Helper()
	p, err := (&llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}, m}}).Payload()
	require.NoError(t, err)
	c := &wire.Call{Payload: p, Model: "gemini-3-pro"}
	data, err := New(wire.Options{}).Body(nil, c)
	require.NoError(t, err)
	return string(data), c.Left
}
