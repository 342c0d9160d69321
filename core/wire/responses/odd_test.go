package responses

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

// Servers of this shape differ: what each is known to send, or may send next.
func TestOddServers(t *testing.T) {
	const end = `{"type":"response.completed","response":{"id":"r","status":"completed","output":[]}}`
	for name, c := range map[string]struct {
		events []string
		want   string // the message as JSON, without its parts
	}{
		"OpenAI's keepalive counts": {[]string{`{"type":"response.output_text.delta","sequence_number":1,"delta":"a"}`, `{"type":"keepalive","sequence_number":2}`,
			`{"type":"response.output_text.delta","sequence_number":3,"delta":"b"}`, end}, `{"role":"assistant","content":"ab"}`},
		"vLLM counts from -1, and all at place 0": {[]string{`{"type":"response.created","sequence_number":-1,"response":{"id":"r","status":"in_progress"}}`,
			`{"type":"response.output_item.added","sequence_number":0,"output_index":0,"item":{"type":"reasoning","id":"x","status":"in_progress"}}`,
			`{"type":"response.reasoning_text.delta","sequence_number":1,"output_index":0,"content_index":-1,"item_id":"x","delta":"hm"}`,
			`{"type":"response.reasoning_text.done","sequence_number":2,"output_index":0,"content_index":0,"item_id":"x","text":"hm"}`,
			`{"type":"response.output_item.added","sequence_number":3,"output_index":0,"item":{"type":"message","id":"x","content":[]}}`,
			`{"type":"response.output_text.delta","sequence_number":4,"output_index":0,"content_index":-1,"item_id":"x","delta":"a"}`,
			`{"type":"response.output_text.done","sequence_number":5,"output_index":0,"content_index":0,"item_id":"x","text":"a"}`,
			`{"type":"response.completed","sequence_number":6,"response":{"status":"in_progress","output":[{"type":"reasoning","id":"y","summary":[],"content":[{"type":"reasoning_text","text":"hm"}],"encrypted_content":null},{"type":"message","id":"z","role":"assistant","content":[{"type":"output_text","text":"a"}]}]}}`},
			`{"role":"assistant","content":"a","reasoning_content":"hm"}`},
		"llama.cpp names the call and no place": {[]string{`{"type":"response.output_item.added","item":{"type":"function_call","call_id":"c1","name":"f","arguments":""}}`,
			`{"type":"response.function_call_arguments.delta","item_id":"fc_c1","delta":"{\"a\":"}`, `{"type":"response.function_call_arguments.delta","item_id":"c1","delta":"1}"}`,
			`{"type":"response.output_item.done","item":{"type":"function_call","call_id":"c1","name":"f","arguments":"{\"a\":1}"}}`,
			`{"type":"response.output_item.added","item":{"type":"function_call","call_id":"c2","name":"g","arguments":""}}`,
			`{"type":"response.output_item.done","item":{"type":"function_call","call_id":"c2","name":"g","arguments":""}}`, end},
			`{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]}`},
		"LiteLLM gives all items one id": {[]string{`{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"i","call_id":"c1","name":"f","arguments":""}}`,
			`{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"i","call_id":"c2","name":"g","arguments":""}}`,
			`{"type":"response.function_call_arguments.delta","output_index":0,"item_id":"i","delta":"{}"}`, `{"type":"response.function_call_arguments.delta","output_index":1,"item_id":"i","delta":"{\"b\":2}"}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","id":"i","call_id":"c1","name":"f","arguments":"{}"}}`,
			`{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","id":"i","call_id":"c2","name":"g","arguments":"{\"b\":2}"}}`, end},
			`{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{\"b\":2}"}}]}`},
		"calls at one place without ids or ends": {[]string{`{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"}}`,
			`{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c2","name":"g","arguments":"{\"b\":2}"}}`, end},
			`{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{\"b\":2}"}}]}`},
		"arguments as an object": {[]string{`{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"c1","name":"f","arguments":{"a":1}}}`, end},
			`{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}`},
		"OpenRouter's mark":            {[]string{`{"type":"response.output_text.delta","delta":"a"}`, `{"type":"response.output_text.delta","delta":"b"}`, `[DONE]`, end}, `{"role":"assistant","content":"ab"}`},
		"a text in the place of parts": {[]string{`{"type":"response.completed","response":{"status":"completed","output":[{"type":"message","role":"assistant","content":"ab"}]}}`}, `{"role":"assistant","content":"ab"}`},
		"a text without items":         {[]string{`{"type":"response.done","response":{"status":"completed","output_text":"ab"}}`}, `{"role":"assistant","content":"ab"}`},
		"an answer as an event":        {[]string{`{"object":"response","id":"r","status":"completed","output":[{"type":"message","content":[{"type":"text","text":"ab"}]}]}`}, `{"role":"assistant","content":"ab"}`},
		"an item without a type":       {[]string{`{"type":"response.completed","response":{"output":[{"role":"assistant","content":[{"type":"output_text","text":"ab"}]}]}}`}, `{"role":"assistant","content":"ab"}`},
		"thoughts in both forms": {[]string{`{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"so"}`, `{"type":"response.reasoning_text.delta","output_index":0,"content_index":0,"delta":"long"}`,
			`{"type":"response.output_text.delta","output_index":1,"delta":"a"}`, end}, `{"role":"assistant","content":"a","reasoning_content":"so"}`},
		"a whole text that came in no pieces": {[]string{`{"type":"response.output_text.done","text":"ab"}`, `{"type":"response.content_part.done","part":{"type":"output_text","text":"ab"}}`, end}, `{"role":"assistant","content":"ab"}`},
		"a character in halves":               {[]string{`{"type":"response.output_text.delta","delta":"\ud83d"}`, `{"type":"response.output_text.delta","delta":"\ude00!"}`, `{"type":"response.output_text.done","text":"😀!"}`, end}, `{"role":"assistant","content":"😀!"}`},
		"a text that goes on after its end":   {[]string{`{"type":"response.output_text.delta","delta":"a"}`, `{"type":"response.output_text.done","text":"a"}`, `{"type":"response.output_text.delta","delta":"b"}`, end}, `{"role":"assistant","content":"ab"}`},
	} {
		r := gathered(t, c.events...)
		m := r.Choices[0].Message
		m.Extra = nil
		m.Role = llm.RoleAssistant
		raw, err := m.MarshalJSON()
		require.NoError(t, err)
		require.JSONEq(t, c.want, string(raw), name)
	}
}
