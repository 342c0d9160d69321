package faultwall_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

// chunk is what the tests read of a stream's event.
type chunk struct {
	ID      string
	Model   string
	Choices []struct {
		Index int
		Delta struct {
			Role      string
			Content   *string
			Reasoning string `json:"reasoning_content"`
			Refusal   string
			ToolCalls []struct {
				Index    int
				ID       string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
		Finish *string `json:"finish_reason"`
	}
	Usage json.RawMessage
	More  string
}

// chunks reads the events of a stream with LF newlines.
func chunks(t *testing.T, body string) (all []chunk, done bool) {
	t.Helper()
	require.True(t, strings.HasSuffix(body, "\n\n"), body)
	for event := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(event, "data: ")
		require.True(t, ok, event)
		if data == "[DONE]" {
			done = true
			continue
		}
		require.False(t, done, "nothing follows [DONE]")
		var c chunk
		require.NoError(t, json.Unmarshal([]byte(data), &c), data)
		all = append(all, c)
	}
	return all, done
}

func contentOf(t *testing.T, body string) string {
	t.Helper()
	all, _ := chunks(t, body)
	var text strings.Builder
	for _, c := range all {
		for _, choice := range c.Choices {
			if choice.Index == 0 && choice.Delta.Content != nil {
				text.WriteString(*choice.Delta.Content)
			}
		}
	}
	return text.String()
}

// streamed runs a step as a stream; more is added to the request.
func streamed(t *testing.T, step, more string) string {
	t.Helper()
	w := start(t, script(step))
	r, err := post(t, client(t, w), w.BaseURL()+"/chat/completions", `{"model":"m","stream":true`+more+`}`)
	require.NoError(t, err)
	require.NoError(t, r.err)
	return r.body
}

func TestHealthyStream(t *testing.T) {
	body := streamed(t, `{"reasoning":"Let me see","extra":{"more":"yes"}}`, `,"stream_options":{"include_usage":true}`)
	all, done := chunks(t, body)
	require.True(t, done)
	require.Len(t, all, 1+3+3+1+1)
	require.Equal(t, "assistant", all[0].Choices[0].Delta.Role)
	require.Equal(t, "Let", all[1].Choices[0].Delta.Reasoning)
	require.Equal(t, "Hello from m.", contentOf(t, body))
	require.Equal(t, "stop", *all[7].Choices[0].Finish)
	require.Nil(t, all[6].Choices[0].Finish)
	require.Empty(t, all[8].Choices)
	require.JSONEq(t, `{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}`, string(all[8].Usage))
	require.Equal(t, "yes", all[8].More)
	require.Contains(t, body, `"usage":null`)
}

func TestUsagePlaces(t *testing.T) {
	const asked = `,"stream_options":{"include_usage":true}`
	for _, c := range []struct {
		step, request string
		at            int // index of the chunk with usage; -1: none
		chunks        int
	}{
		{`{}`, ``, -1, 5}, {`{}`, asked, 5, 6}, {`{"usage_chunk":"own"}`, ``, 5, 6}, {`{"usage_chunk":"finish"}`, ``, 4, 5},
		{`{"usage_chunk":"empty_delta"}`, asked, 5, 6}, {`{"usage_chunk":"none"}`, asked, -1, 5}, {`{"usage":null}`, asked, -1, 5},
	} {
		all, _ := chunks(t, streamed(t, c.step, c.request))
		require.Len(t, all, c.chunks, c)
		for i, chunk := range all {
			require.Equal(t, i == c.at, len(chunk.Usage) > 4, "%v %d", c, i)
		}
	}
}

func TestEndsOfStreams(t *testing.T) {
	require.NotContains(t, streamed(t, `{"done":false}`, ""), "[DONE]")
	body := streamed(t, `{"no_finish":true}`, "")
	require.Contains(t, body, "[DONE]")
	require.NotContains(t, body, `"finish_reason":"`)
	require.Contains(t, streamed(t, `{"finish_reason":"length"}`, ""), `"finish_reason":"length"`)
}

func TestSplittingText(t *testing.T) {
	pieces := func(step string) (texts []string) {
		all, _ := chunks(t, streamed(t, step, ""))
		for _, c := range all[1 : len(all)-1] {
			texts = append(texts, *c.Choices[0].Delta.Content)
		}
		return texts
	}
	require.Equal(t, []string{"a", "  b", " c", " "}, pieces(`{"text":"a  b c "}`))
	require.Equal(t, []string{"世", "界", "🙂"}, pieces(`{"text":"世界🙂","chunk_chars":1}`))
	require.Equal(t, []string{"ab", "cde"}, pieces(`{"text":"abcde","chunks":2}`))
	require.Equal(t, []string{"a", "b"}, pieces(`{"text":"ab","chunks":9}`))
	require.Len(t, pieces(`{"text_bytes":1000000,"chunks":1}`)[0], 1000000)
	require.Empty(t, pieces(`{"text":""}`))
}

func TestToolCallsInStreams(t *testing.T) {
	const calls = `"tool_calls":[{"name":"a","arguments":{"x":1}},{"id":"id2","name":"b","arguments":"{\"y\": 2}"}],"chunk_chars":3`
	for _, interleave := range []string{"", `,"interleave":true`} {
		all, _ := chunks(t, streamed(t, `{`+calls+interleave+`}`, ""))
		names, arguments, order := [2]string{}, [2]string{}, ""
		for _, c := range all {
			for _, call := range c.Choices[0].Delta.ToolCalls {
				names[call.Index] += call.ID + call.Function.Name
				arguments[call.Index] += call.Function.Arguments
				order += fmt.Sprint(call.Index)
			}
		}
		require.Equal(t, [2]string{"call_1a", "id2b"}, names)
		require.Equal(t, [2]string{`{"x":1}`, `{"y": 2}`}, arguments)
		require.Equal(t, interleave != "", strings.HasPrefix(order, "0101"), order)
		require.Equal(t, "tool_calls", *all[len(all)-1].Choices[0].Finish)
	}
}

func TestSeveralChoices(t *testing.T) {
	for _, body := range []string{streamed(t, `{}`, `,"n":2`), streamed(t, `{"choices":2}`, "")} {
		all, _ := chunks(t, body)
		require.Len(t, all, 10)
		require.Equal(t, 1, all[9].Choices[0].Index)
	}
}

func TestFormsOfTheEventStream(t *testing.T) {
	require.Equal(t, "data: {\"a\":1}\r\n\r\n", streamed(t, `{"events":[{"a": 1}],"newline":"crlf"}`, ""))
	require.Equal(t, "data: {\"a\":1}\r\r", streamed(t, `{"events":[{"a":1}],"newline":"cr"}`, ""))
	require.Equal(t, "\xef\xbb\xbfdata:{\"a\":1}\n\n", streamed(t, `{"events":[{"a":1}],"bom":true,"no_space":true}`, ""))
	require.Equal(t, "data: {\ndata:   \"a\": 1\ndata: }\n\n", streamed(t, `{"events":[{"a":1}],"multi_line":true}`, ""))
	require.Contains(t, streamed(t, `{"delay_event_s":0.02,"comment_every_s":0.002}`, ""), ": keep-alive\n\n")
	w := start(t, script(`{"bom":true}`))
	r, err := post(t, client(t, w), w.BaseURL()+"/chat/completions", plain)
	require.NoError(t, err)
	require.NoError(t, r.err)
	require.True(t, strings.HasPrefix(r.body, "\xef\xbb\xbf{"))
}

func TestExplicitEvents(t *testing.T) {
	body := streamed(t, `{"events":[{"comment":"c"},"{\"bad","two\nlines",{"raw":"id: 7\n\n"},{"raw_b64":"Og=="},
		{"raw":"\n"},{"data":{"text":"x"},"event":"e","event_id":"1"},{"error":{"message":"m"}},{"comment":"","times":2},[1],null],"done":true}`, "")
	require.Equal(t, ": c\n\ndata: {\"bad\n\ndata: two\ndata: lines\n\nid: 7\n\n:\nevent: e\nid: 1\ndata: {\"text\":\"x\"}\n\n"+
		"data: {\"error\":{\"message\":\"m\"}}\n\n: \n\n: \n\ndata: [1]\n\ndata: null\n\ndata: [DONE]\n\n", body)
	body = streamed(t, `{"events":[{"role":"assistant"},{"delay_s":0.001},{"reasoning":"r"},{"text":"a","choice":1},{"refusal":"no"},
		{"tool_call":{"index":1,"id":"i","name":"f","arguments":"{"}},{"text":"b","finish_reason":"stop","usage":{"total_tokens":1}},
		{"usage":{"total_tokens":2}},"[DONE]"]}`, "")
	all, done := chunks(t, body)
	require.True(t, done)
	require.Len(t, all, 7)
	require.Equal(t, 1, all[2].Choices[0].Index)
	require.Equal(t, "f", all[4].Choices[0].Delta.ToolCalls[0].Function.Name)
	require.Equal(t, "stop", *all[5].Choices[0].Finish)
	require.Empty(t, all[6].Choices)
	require.JSONEq(t, `{"total_tokens":2}`, string(all[6].Usage))
}

func TestEventsMadeInGo(t *testing.T) {
	w := start(t, `{}`)
	w.Script("m", faultwall.Step{Events: []faultwall.Event{
		{Text: faultwall.Set("Hi")}, {Data: map[string]any{"x": "<1>"}}, {DelayS: 0.001}, {Data: "[DONE]"},
	}})
	r, err := post(t, client(t, w), w.BaseURL()+"/chat/completions", plain)
	require.NoError(t, err)
	require.Contains(t, r.body, "\n\ndata: {\"x\":\"<1>\"}\n\ndata: [DONE]\n\n")
	require.Equal(t, "text/event-stream; charset=utf-8", r.header.Get("Content-Type"))
}

func TestEcho(t *testing.T) {
	body := streamed(t, `{"echo":true,"model":"other"}`, `,"x":"ä"`)
	require.Equal(t, `{"model":"m","stream":true,"x":"ä"}`, contentOf(t, body))
	all, _ := chunks(t, body)
	require.Equal(t, "other", all[0].Model)
}

func TestPlainAnswer(t *testing.T) {
	w := start(t, script(`{"text":"T","reasoning":"R","refusal":"no","tool_calls":[{"name":"f"}],"usage":{"total_tokens":5,"x":1},
		"finish_reason":"length","extra":{"more":[1]},"choices":2}`))
	r := ask(t, w, client(t, w), "m", false)
	require.JSONEq(t, `{"id":"chatcmpl-wall-1","object":"chat.completion","created":1700000000,"model":"m","more":[1],
		"usage":{"total_tokens":5,"x":1},"choices":[
		{"index":0,"finish_reason":"length","message":{"role":"assistant","content":"T","reasoning_content":"R","refusal":"no",
			"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}},
		{"index":1,"finish_reason":"length","message":{"role":"assistant","content":"T","reasoning_content":"R","refusal":"no",
			"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}`, r.body)
}
