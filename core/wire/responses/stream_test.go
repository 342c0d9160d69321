package responses

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

const hello = `"messages":[{"role":"user","content":"hi"}]`

func callFor(t testing.TB, request string) *wire.Call {
	t.Helper()
	p, err := llm.OwnRequest([]byte(request), llm.CallOptions{})
	require.NoError(t, err)
	return &wire.Call{Payload: p, Model: "gpt-x"}
}

func atHost() wire.Format { return New(wire.Options{At: wire.RootOf("https://h/v1")}) }

// gathered is what the events of a stream come to.
func gathered(t *testing.T, events ...string) *llm.Response {
	t.Helper()
	var all llm.Accumulator
	s := atHost().Stream(callFor(t, `{`+hello+`}`))
	for _, e := range events {
		require.False(t, s.Complete())
		chunk, err := s.Chunk("", []byte(e))
		require.NoError(t, err, e)
		if chunk != nil {
			all.Add(chunk)
		}
	}
	require.True(t, s.Complete())
	return all.Response()
}

// script makes the events of a stream.
type script struct {
	t      *testing.T
	events []string
}

func (s *script) put(kind string, fields map[string]any) {
	fields["type"], fields["sequence_number"] = "response."+kind, len(s.events)
	raw, err := json.Marshal(fields)
	require.NoError(s.t, err)
	s.events = append(s.events, string(raw))
}

func (s *script) texts(n int, kind, key, whole string, at map[string]any) {
	with := func(more map[string]any) map[string]any {
		all := map[string]any{"obfuscation": "x"}
		for _, from := range []map[string]any{at, more} {
			for k, v := range from {
				all[k] = v
			}
		}
		return all
	}
	for rest := whole; rest != ""; {
		size := min(n, len(rest))
		for size < len(rest) && !utf8.RuneStart(rest[size]) {
			size++ // a JSON text holds whole characters
		}
		s.put(kind+".delta", with(map[string]any{"delta": rest[:size]}))
		rest = rest[size:]
	}
	s.put(kind+".done", with(map[string]any{key: whole}))
}

type fields = map[string]any

// item makes the events of one item, whose texts come in pieces of n bytes.
func (s *script) item(place, n int, raw json.RawMessage) {
	var it fields
	require.NoError(s.t, json.Unmarshal(raw, &it))
	begun := fields{}
	for k, v := range it {
		begun[k] = v
	}
	at := fields{"output_index": place, "item_id": it["id"]}
	kind, _ := it["type"].(string)
	switch kind {
	case "message":
		begun["content"] = []any{}
	case "function_call":
		begun["arguments"] = ""
	case "custom_tool_call":
		begun["input"] = ""
	case "reasoning":
		begun["summary"], begun["encrypted_content"] = []any{}, "early"
	}
	s.put("output_item.added", fields{"output_index": place, "item": begun})
	switch kind {
	case "message":
		for i, v := range it["content"].([]any) {
			p := v.(fields)
			at["content_index"] = i
			empty := fields{"type": p["type"]}
			s.put("content_part.added", fields{"output_index": place, "item_id": it["id"], "content_index": i, "part": empty})
			if text, ok := p["text"].(string); ok {
				s.texts(n, "output_text", "text", text, at)
				for j, a := range p["annotations"].([]any) {
					s.put("output_text.annotation.added", fields{"output_index": place, "item_id": it["id"], "content_index": i, "annotation_index": j, "annotation": a})
				}
			}
			if refusal, ok := p["refusal"].(string); ok {
				s.texts(n, "refusal", "refusal", refusal, at)
			}
			s.put("content_part.done", fields{"output_index": place, "item_id": it["id"], "content_index": i, "part": p})
		}
	case "function_call":
		s.texts(n, "function_call_arguments", "arguments", it["arguments"].(string), at)
	case "custom_tool_call":
		s.texts(n, "custom_tool_call_input", "input", it["input"].(string), at)
	case "reasoning":
		for i, v := range it["summary"].([]any) {
			at["summary_index"] = i
			s.texts(n, "reasoning_summary_text", "text", v.(fields)["text"].(string), at)
			s.put("reasoning_summary_part.done", fields{"output_index": place, "item_id": it["id"], "summary_index": i, "part": v})
		}
		content, _ := it["content"].([]any)
		for i, v := range content {
			at["content_index"] = i
			s.texts(n, "reasoning_text", "text", v.(fields)["text"].(string), at)
		}
	default:
		s.put(kind+".in_progress", at)
	}
	s.put("output_item.done", fields{"output_index": place, "item": raw})
}

// cut makes a stream of a whole answer: each text in pieces of n bytes.
func cut(t *testing.T, answer string, n int) []string {
	t.Helper()
	var r struct {
		Output []json.RawMessage `json:"output"`
		Status string            `json:"status"`
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &r))
	s := script{t: t}
	begun := fields{"id": "resp_1", "object": "response", "created_at": 7, "model": "gpt-x", "status": "in_progress", "output": []any{}, "error": nil}
	s.put("created", fields{"response": begun})
	s.put("in_progress", fields{"response": begun})
	for place, raw := range r.Output {
		s.item(place, n, raw)
	}
	s.put("something_new", fields{})
	s.put(r.Status, fields{"response": json.RawMessage(answer)})
	return s.events
}

var answers = map[string]string{
	"text":        `[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello, wörld.","annotations":[]}]}]`,
	"nothing":     `[]`,
	"refusal":     `[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"refusal","refusal":"I will not."}]}]`,
	"text and no": `[{"type":"message","id":"msg_1","role":"assistant","phase":"commentary","content":[{"type":"output_text","text":"Hm.","annotations":[]},{"type":"refusal","refusal":"No."}]}]`,
	"calls": `[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"I look.","annotations":[]}]},
		{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"a\":[1,\"b\"]}","status":"completed"},{"type":"function_call","id":"fc_2","call_id":"call_2","name":"g","arguments":"{}","status":"completed"},
		{"type":"custom_tool_call","id":"ct_1","call_id":"call_3","name":"c","input":"free text","status":"completed"}]`,
	"thoughts": `[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"let me"},{"type":"summary_text","text":"see"}],"encrypted_content":"gAAA=="},
		{"type":"message","id":"msg_1","status":"completed","role":"assistant","phase":"final_answer","content":[{"type":"output_text","text":"Yes.","annotations":[]}]}]`,
	"thoughts before calls": `[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA=="},{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"a\":1}","status":"completed"},
		{"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"gAAB=="},{"type":"function_call","id":"fc_2","call_id":"call_2","name":"f","arguments":"{}","status":"completed"}]`,
	"open thoughts": `[{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"Yes.","annotations":[]}]}]`,
	"a server's tool": `[{"type":"message","id":"msg_0","role":"assistant","content":[{"type":"output_text","text":"Ich süche. ","annotations":[]}]},{"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"x"}},
		{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"It is so.","annotations":[{"type":"url_citation","start_index":0,"end_index":2,"url":"u","title":"T"}]},{"type":"output_text","text":" And so.","annotations":[]}]}]`,
}

// An answer in pieces is the whole answer, and goes back as it came.
func TestStreamIsWhole(t *testing.T) {
	for name, output := range answers {
		for _, size := range []int{1, 3, 1000} {
			t.Run(name, func(t *testing.T) {
				answer := `{"id":"resp_1","object":"response","created_at":7,"status":"completed","model":"gpt-x","error":null,"incomplete_details":null,"instructions":null,"output":` + output +
					`,"service_tier":"default","usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":2},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":16}}`
				whole, err := atHost().Response([]byte(answer), callFor(t, `{`+hello+`}`))
				require.NoError(t, err)
				streamed := gathered(t, cut(t, answer, size)...)
				require.Equal(t, plain(t, whole), plain(t, streamed))
				require.Equal(t, 7, whole.Usage.PromptTokens)
				require.Equal(t, 16, whole.Usage.TotalTokens)
				require.JSONEq(t, `{"cached_tokens":2}`, string(whole.Usage.PromptTokensDetails))
				require.JSONEq(t, `{"reasoning_tokens":4}`, string(whole.Usage.CompletionTokensDetails))
				require.Equal(t, llm.Extra{"service_tier": json.RawMessage(`"default"`)}, whole.Extra)
				goesBack(t, whole, output)
			})
		}
	}
}

// goesBack checks that a message is sent as the items that it was made of;
// what holds nothing but texts and calls needs no ids.
func goesBack(t *testing.T, whole *llm.Response, output string) {
	t.Helper()
	message, err := whole.Choices[0].Message.MarshalJSON()
	require.NoError(t, err)
	c := callFor(t, `{"messages":[{"role":"user","content":"hi"},`+string(message)+`,{"role":"user","content":"go on"}]}`)
	body, err := atHost().Body(nil, c)
	require.NoError(t, err)
	require.Empty(t, c.Left)
	var sent struct {
		Input []json.RawMessage `json:"input"`
	}
	require.NoError(t, json.Unmarshal(body, &sent))
	back, err := json.Marshal(sent.Input[1 : len(sent.Input)-1])
	require.NoError(t, err)
	if whole.Choices[0].Message.Extra[llm.PartsField] != nil {
		require.JSONEq(t, output, string(back))
		for _, item := range sent.Input {
			if strings.Contains(string(item), `"reasoning"`) {
				require.Contains(t, output, string(item), "byte for byte")
			}
		}
	}
}

// plain is a response as JSON without what time and place decide.
func plain(t *testing.T, r *llm.Response) string {
	t.Helper()
	raw, err := r.MarshalJSON()
	require.NoError(t, err)
	var v fields
	require.NoError(t, json.Unmarshal(raw, &v))
	delete(v, "object")
	for _, choice := range v["choices"].([]any) {
		m := choice.(fields)["message"].(fields)
		calls, _ := m["tool_calls"].([]any)
		for _, call := range calls {
			delete(call.(fields), "index")
		}
		if m["content"] == nil || m["content"] == "" {
			delete(m, "content") // null or absent: no text
		}
	}
	raw, err = json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

// What a server left out of its deltas comes with what repeats them, and what
// it repeats comes once, whichever of the events it leaves out.
func TestSnapshotsFillWhatIsMissing(t *testing.T) {
	output := answers["calls"]
	answer := `{"id":"resp_1","object":"response","created_at":7,"status":"completed","model":"gpt-x","output":` + output + `}`
	whole, err := atHost().Response([]byte(answer), callFor(t, `{`+hello+`}`))
	require.NoError(t, err)
	for name, drop := range map[string]func(n int, e string) bool{
		"no deltas":           func(_ int, e string) bool { return strings.Contains(e, ".delta") },
		"no dones":            func(_ int, e string) bool { return strings.Contains(e, ".done") },
		"nothing but the end": func(_ int, e string) bool { return !strings.Contains(e, "response.completed") },
		"no parts":            func(_ int, e string) bool { return strings.Contains(e, "content_part") },
		"no item ends":        func(_ int, e string) bool { return strings.Contains(e, "output_item.done") },
		"no end of texts":     func(_ int, e string) bool { return strings.Contains(e, "_text.done") },
		"no created":          func(_ int, e string) bool { return strings.Contains(e, "response.created") },
	} {
		var kept []string
		for n, e := range cut(t, answer, 3) {
			if !drop(n, e) {
				var v fields
				require.NoError(t, json.Unmarshal([]byte(e), &v))
				delete(v, "sequence_number")
				raw, err := json.Marshal(v)
				require.NoError(t, err)
				kept = append(kept, string(raw))
			}
		}
		require.Equal(t, plain(t, whole), plain(t, gathered(t, kept...)), name)
	}
	// An empty output at the end, as OpenAI's has been seen to be, takes nothing
	// away.
	events := cut(t, answer, 3)
	events[len(events)-1] = `{"type":"response.completed","response":{"id":"resp_1","status":"completed","model":"gpt-x","created_at":7,"output":[]}}`
	require.Equal(t, plain(t, whole), plain(t, gathered(t, events...)))
}

// Some servers give an item another id in each event, or count nothing.
func TestOddIdentities(t *testing.T) {
	answer := `{"id":"resp_1","object":"response","created_at":7,"status":"completed","model":"gpt-x","output":` + answers["calls"] + `}`
	whole, err := atHost().Response([]byte(answer), callFor(t, `{`+hello+`}`))
	require.NoError(t, err)
	for name, change := range map[string]func(n int, v fields){
		"ids that change":    func(n int, v fields) { v["item_id"] = strings.Repeat("x", n+1) },
		"no ids":             func(_ int, v fields) { delete(v, "item_id") },
		"no places":          func(_ int, v fields) { delete(v, "output_index") },
		"no numbers":         func(_ int, v fields) { delete(v, "sequence_number") },
		"the same number":    func(_ int, v fields) { v["sequence_number"] = 0 },
		"numbers of one":     func(n int, v fields) { v["sequence_number"] = n + 1 },
		"neither id nor one": func(_ int, v fields) { delete(v, "item_id"); delete(v, "output_index") },
	} {
		var events []string
		for n, e := range cut(t, answer, 3) {
			var v fields
			require.NoError(t, json.Unmarshal([]byte(e), &v))
			change(n, v)
			raw, err := json.Marshal(v)
			require.NoError(t, err)
			events = append(events, string(raw))
		}
		require.Equal(t, plain(t, whole), plain(t, gathered(t, events...)), name)
	}
}

// A hole in the numbers of the events is a break: a piece may be missing.
func TestHoleInTheNumbers(t *testing.T) {
	s := atHost().Stream(callFor(t, `{`+hello+`}`))
	_, err := s.Chunk("", []byte(`{"type":"response.output_text.delta","sequence_number":4,"delta":"a"}`))
	require.NoError(t, err)
	_, err = s.Chunk("", []byte(`{"type":"response.output_text.delta","sequence_number":6,"delta":"c"}`))
	require.Equal(t, llm.StreamInterrupted, llm.CodeOfError(err))
	require.ErrorContains(t, err, "sequence_number 6")
}

// Statuses have OpenAI's words for reasons, and stay readable where it has
// none; what failed is no answer.
func TestReasons(t *testing.T) {
	for status, finish := range map[string]string{
		`"status":"completed"`: "stop", `"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}`: "length",
		`"status":"incomplete","incomplete_details":{"reason":"content_filter"}`: "content_filter", `"status":"incomplete"`: "length",
		`"status":"incomplete","incomplete_details":{"reason":"max_tool_calls"}`: "max_tool_calls",
	} {
		body := `{"id":"r","object":"response",` + status + `,"output":` + answers["text"] + `}`
		r, err := atHost().Response([]byte(body), callFor(t, `{`+hello+`}`))
		require.NoError(t, err)
		require.Equal(t, finish, r.Choices[0].FinishReason)
		require.Nil(t, r.Usage, "unknown, not zero")
		s := atHost().Stream(callFor(t, `{`+hello+`}`))
		kind := "completed"
		if strings.Contains(status, "incomplete") {
			kind = "incomplete"
		}
		c, err := s.Chunk("", []byte(`{"type":"response.`+kind+`","response":`+body+`}`))
		require.NoError(t, err)
		require.Equal(t, finish, c.Choices[0].FinishReason)
		require.True(t, s.Complete())
	}
	for _, body := range []string{`{"status":"failed","error":{"code":"server_error","message":"m"}}`, `{"status":"queued","output":[]}`, `{"status":"completed"}`, `{}`, `[]`, ``, `{"output":"x"}`, `{"output":[]`} {
		_, err := atHost().Response([]byte(body), callFor(t, `{`+hello+`}`))
		require.Equal(t, llm.BadResponse, llm.CodeOfError(err), body)
	}
	for _, e := range []string{`{"type":"response.failed","response":{"error":{"code":"server_error","message":"m"}}}`, `{"type":"error","message":"m"}`, `{"error":"m"}`, `{"text":"t"}`, `[1]`, `{"type":`} {
		s := atHost().Stream(callFor(t, `{`+hello+`}`))
		_, err := s.Chunk("", []byte(e))
		require.Equal(t, llm.BadResponse, llm.CodeOfError(err), e)
		require.False(t, s.Complete())
	}
	s := atHost().Stream(callFor(t, `{`+hello+`}`))
	for _, nothing := range []string{`[DONE]`, `{}`, `{"type":"ping"}`} {
		c, err := s.Chunk("", []byte(nothing))
		require.True(t, c == nil && err == nil, nothing)
	}
	require.False(t, s.Complete(), "only the API's own events end an answer")
}

// Probabilities come in pieces as they do whole.
func TestLogprobs(t *testing.T) {
	answer := `{"id":"resp_1","created_at":7,"status":"completed","model":"gpt-x","output":[{"type":"message","id":"m","role":"assistant","content":[{"type":"output_text","text":"ab","annotations":[],"logprobs":[{"token":"a","logprob":-1},{"token":"b","logprob":-2}]}]}]}`
	whole, err := atHost().Response([]byte(answer), callFor(t, `{`+hello+`}`))
	require.NoError(t, err)
	require.JSONEq(t, `{"content":[{"token":"a","logprob":-1},{"token":"b","logprob":-2}]}`, string(whole.Choices[0].Logprobs))
	streamed := gathered(t, `{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"a","logprobs":[{"token":"a","logprob":-1}]}`,
		`{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"b","logprobs":[{"token":"b","logprob":-2}]}`, `{"type":"response.completed","response":`+answer+`}`)
	require.JSONEq(t, string(whole.Choices[0].Logprobs), string(streamed.Choices[0].Logprobs))
	require.Equal(t, "ab", streamed.Text())
}

// Whatever an event holds, it reads as a chunk that can be written, or not.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"type":"response.created","response":{"id":1}}`), []byte(`{"type":"response.output_text.delta","output_index":0,"delta":"\ud83d"}`))
	f.Add([]byte(`{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","arguments":{"a":NaN}}}`), []byte(`{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call"}}`))
	f.Add([]byte(`{"type":"response.output_item.done","item":{"type":"reasoning","summary":[{"text":"a"}],"content":[{"text":"b"}]}}`), []byte(`{"type":"response.completed","response":{"output":[{"type":"reasoning"},null,{"type":"message","content":[{"type":"output_text","text":"\ud83d","annotations":[{"type":"x","start_index":1}]}]}],"usage":{"input_tokens":1e300}}}`))
	f.Add([]byte(`{"object":"response","status":"completed","output":[{"content":[{"type":"output_text","text":"a"},1]}]}`), []byte(`{"type":"response.refusal.done","refusal":"n","content_index":9}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		c := callFor(t, `{`+hello+`}`)
		s := atHost().Stream(c)
		for _, data := range [][]byte{first, second, second, first} {
			chunk, err := s.Chunk("", data)
			if err != nil {
				require.Contains(t, []llm.Code{llm.BadResponse, llm.StreamInterrupted, llm.Unavailable}, llm.CodeOfError(err))
				continue
			}
			if chunk != nil {
				written, err := chunk.MarshalJSON()
				require.NoError(t, err)
				require.True(t, json.Valid(written), "%s", written)
			}
		}
		if r, err := atHost().Response(first, c); err == nil {
			written, err := r.MarshalJSON()
			require.NoError(t, err)
			require.True(t, json.Valid(written), "%s", written)
		}
	})
}
