package faultwall_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

const geminiRequest = `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`

func TestGeminiPlainAnswer(t *testing.T) {
	w := start(t, `{"models":{"gemini-x":{"steps":[{"text":"T","reasoning":"R","tool_calls":[{"name":"f","arguments":{"a":1}},{"name":"g","arguments":"no json"}],
		"finish_reason":"length","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"thoughtsTokenCount":4}}]}}}`)
	r, err := post(t, client(t, w), w.GeminiURL()+"/models/gemini-x:generateContent", geminiRequest)
	require.NoError(t, err)
	require.JSONEq(t, `{"responseId":"wall-1","modelVersion":"gemini-x",
		"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3,"thoughtsTokenCount":4},
		"candidates":[{"index":0,"finishReason":"MAX_TOKENS","content":{"role":"model","parts":[{"text":"R","thought":true},{"text":"T"},
			{"functionCall":{"name":"f","args":{"a":1}}},{"functionCall":{"name":"g","args":"no json"}}]}}]}`, r.body)
	seen := w.Seen().Requests[0]
	require.Equal(t, "gemini-x", seen.Model)
	require.Equal(t, 0, seen.Step)
	require.False(t, seen.Stream)
}

// geminiChunk is what the tests read of an event.
type geminiChunk struct {
	Candidates []struct {
		Content struct {
			Parts []struct {
				Text    string
				Thought bool
				Call    json.RawMessage `json:"functionCall"`
			}
		}
		Finish string `json:"finishReason"`
	}
	Usage json.RawMessage `json:"usageMetadata"`
}

func TestGeminiStream(t *testing.T) {
	w := start(t, `{}`)
	h := client(t, w)
	stream := func(step faultwall.Step) (all []geminiChunk) {
		w.Script("g", step)
		r, err := post(t, h, w.GeminiURL()+"/models/g:streamGenerateContent?alt=sse", geminiRequest)
		require.NoError(t, err)
		require.NoError(t, r.err)
		require.NotContains(t, r.body, "[DONE]")
		for event := range strings.SplitSeq(strings.TrimSuffix(r.body, "\n\n"), "\n\n") {
			var c geminiChunk
			require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(event, "data: ")), &c))
			all = append(all, c)
		}
		return all
	}
	all := stream(faultwall.Step{Reasoning: "hm", ToolCalls: []faultwall.ToolCall{{Name: "f"}}, Text: faultwall.Set("a b")})
	require.Len(t, all, 5)
	require.True(t, all[0].Candidates[0].Content.Parts[0].Thought)
	require.Equal(t, " b", all[2].Candidates[0].Content.Parts[0].Text)
	require.JSONEq(t, `{"name":"f","args":{}}`, string(all[3].Candidates[0].Content.Parts[0].Call))
	require.Equal(t, "STOP", all[4].Candidates[0].Finish)
	require.JSONEq(t, `{"promptTokenCount":9,"candidatesTokenCount":2,"totalTokenCount":11}`, string(all[4].Usage))
	require.True(t, w.Seen().Requests[0].Stream)
	all = stream(faultwall.Step{UsageChunk: faultwall.UsageOwn})
	require.Empty(t, all[len(all)-1].Candidates)
	require.NotNil(t, all[len(all)-1].Usage)
	all = stream(faultwall.Step{UsageChunk: faultwall.UsageEmptyDelta})
	require.Len(t, all[len(all)-1].Candidates, 1)
	all = stream(faultwall.Step{UsageChunk: faultwall.UsageNone, FinishReason: "RECITATION"})
	require.Nil(t, all[len(all)-1].Usage)
	require.Equal(t, "RECITATION", all[len(all)-1].Candidates[0].Finish)
	all = stream(faultwall.Step{NoFinish: true})
	require.Empty(t, all[len(all)-1].Candidates[0].Finish)
	all = stream(faultwall.MustScript(`{"default":{"steps":[{"events":[{"reasoning":"r"},{"text":"t","finish_reason":"content_filter"},
		{"usage":{"prompt_tokens":1}},{"promptFeedback":{"blockReason":"SAFETY"}}]}]}}`).Default.Steps[0])
	require.Equal(t, "SAFETY", all[1].Candidates[0].Finish)
	require.JSONEq(t, `{"promptTokenCount":1}`, string(all[2].Usage))
	require.Empty(t, all[3].Candidates)
}

func TestGeminiStreamWithoutSSEIsAnArray(t *testing.T) {
	w := start(t, `{}`)
	r, err := post(t, client(t, w), w.GeminiURL()+"/models/g:streamGenerateContent", geminiRequest)
	require.NoError(t, err)
	var all []geminiChunk
	require.NoError(t, json.Unmarshal([]byte(r.body), &all), r.body)
	require.Len(t, all, 4)
}

func TestGeminiRefusesWhatIsNoJSON(t *testing.T) {
	w := start(t, `{}`)
	r, err := post(t, client(t, w), w.GeminiURL()+"/models/g:generateContent", `{`)
	require.NoError(t, err)
	require.Equal(t, 400, r.status)
	require.Contains(t, r.body, "INVALID_ARGUMENT")
	r, err = post(t, client(t, w), w.GeminiURL()+"/models/g:generateContent", `{"generationConfig":{"candidateCount":2}}`)
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(r.body, `"finishReason"`))
}
