package llm

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func to[T any](v T) *T { return &v }

// What Request.write writes by hand is what the struct's tags say.
func TestRequestIsWrittenAsItsTagsSay(t *testing.T) {
	full := Request{
		Model: "m \"quoted\"", Messages: []Message{{Role: RoleUser, Content: "a\u2028<é>\n"}, {Role: RoleAssistant, ToolCalls: []ToolCall{{ID: "1", Type: "function", Function: FunctionCall{Name: "f", Arguments: "{}"}}}},
			{Role: RoleUser, Parts: []Part{Text(""), Image("https://x/y.png")}, Extra: Extra{"x": json.RawMessage(`{"deep":[1]}`)}}},
		MaxTokens: to(1), MaxCompletionTokens: to(0), Temperature: to(0.1), TopP: to(1e21), N: to(2), Seed: to(int64(math.MinInt64)), Stop: Stop{"a", ""},
		PresencePenalty: to(-1.5), FrequencyPenalty: to(0.0), Logprobs: to(false), TopLogprobs: to(3), LogitBias: map[string]float64{"2": 1, "10": -100},
		Tools:      []Tool{{Type: "function", Function: &Function{Name: "f", Parameters: json.RawMessage(`{"type":"object"}`), Strict: to(true)}, Extra: Extra{"y": json.RawMessage("1")}}},
		ToolChoice: json.RawMessage(`"auto"`), ParallelToolCalls: to(true), Functions: []Function{{Name: "g"}}, FunctionCall: json.RawMessage(`{"name":"g"}`),
		ResponseFormat: &ResponseFormat{Type: "json_schema", JSONSchema: &JSONSchema{Name: "s", Schema: json.RawMessage(`{}`)}}, ReasoningEffort: "low",
		Stream: true, StreamOptions: &StreamOptions{IncludeUsage: true}, User: "u", Metadata: map[string]string{"b": "1", "a": "2"},
	}
	type plain Request
	for name, r := range map[string]Request{"full": full, "empty": {}, "no messages": {Messages: []Message{}}} {
		t.Run(name, func(t *testing.T) {
			want, err := JSON.Marshal((*plain)(&r))
			require.NoError(t, err)
			got, err := r.MarshalJSON()
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
			r.Extra = Extra{"z": json.RawMessage(`[true]`), "a": json.RawMessage(`null`)}
			got, err = r.MarshalJSON()
			require.NoError(t, err)
			if name != "empty" {
				require.Equal(t, string(want[:len(want)-1])+`,"a":null,"z":[true]}`, string(got))
			}
			require.True(t, json.Valid(got))
		})
	}
	_, err := (&Request{Temperature: to(math.NaN())}).MarshalJSON()
	require.Error(t, err)
}

// The JSON library writes raw values that are no JSON as null, which would be
// as if they were not there.
func TestRawValuesThatAreNoJSONAreRefused(t *testing.T) {
	hello := []Message{{Role: RoleUser, Content: "null"}}
	for field, r := range map[string]Request{
		"tool_choice":                  {ToolChoice: json.RawMessage("required")},
		"function_call":                {FunctionCall: json.RawMessage("f")},
		"tools[0].function.parameters": {Tools: []Tool{{Type: "function", Function: &Function{Name: "f", Parameters: json.RawMessage(`{"type": }`)}}}},
		"response_format.json_schema.schema": {ResponseFormat: &ResponseFormat{Type: "json_schema",
			JSONSchema: &JSONSchema{Name: "s", Schema: json.RawMessage("{")}}},
	} {
		r.Messages = hello
		_, err := r.Payload()
		require.ErrorIs(t, err, &Error{Code: InvalidArgument}, field)
		require.ErrorContains(t, err, field)
	}
	_, err := (&Request{Messages: hello, ToolChoice: json.RawMessage(`"auto"`)}).Payload()
	require.NoError(t, err)
}
