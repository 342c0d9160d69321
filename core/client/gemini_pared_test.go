package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

const geminiHistory = `{"reasoning_effort":"low","messages":[{"role":"user","content":"hi"},
	{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Well."}],"reasoning_content":"hm","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"},
		"extra_content":{"google":{"thought_signature":"Zm9yZWlnbg=="}}}]},
	{"role":"tool","tool_call_id":"call_1","content":"42"}]}`

// What another vendor's answer has brought into a history, and what the
// translation adds, is left out where Gemini's server refuses it.
func TestRefusedFieldsOfGemini(t *testing.T) {
	const thinking, thoughts = "messages.content[thinking]", "messages.reasoning_content"
	unknown := `{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"%s\" at 'contents[1].parts[0]': Cannot find field.","status":"INVALID_ARGUMENT"}}`
	for name, c := range map[string]struct {
		refused []string // texts that the server refuses
		says    string
		left    []string
		has     string
	}{
		"nothing":           {nil, "", []string{thinking, thoughts}, `"thoughtSignature":"Zm9yZWlnbg=="`},
		"a signature":       {[]string{"Zm9yZWlnbg"}, `{"error":{"code":400,"message":"Corrupted thought signature.","status":"INVALID_ARGUMENT"}}`, []string{thinking, thoughts, "contents.parts.thoughtSignature"}, `"thoughtSignature":"c2tp`},
		"vague":             {[]string{"Zm9yZWlnbg"}, `{"error":{"code":400,"message":"Request contains an invalid argument.","status":"INVALID_ARGUMENT"}}`, nil, `"text":"Well."`},
		"signatures at all": {[]string{"thoughtSignature"}, fmt.Sprintf(unknown, "thoughtSignature"), []string{thinking, thoughts, "contents.parts.thoughtSignature", "contents.parts.thoughtSignature (stand-in)"}, `"id":"call_1"`},
		"ids":               {[]string{`"id"`}, fmt.Sprintf(unknown, "id"), []string{thinking, thoughts, "contents.parts.functionCall.id"}, `"functionResponse":{"name":"f"`},
		"thoughts":          {[]string{"includeThoughts"}, fmt.Sprintf(unknown, "includeThoughts"), []string{thinking, thoughts, "generationConfig.thinkingConfig.includeThoughts"}, `"thinkingLevel":"LOW"`},
	} {
		for _, whole := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%v", name, whole), func(t *testing.T) {
				var count atomic.Int32
				var last atomic.Value
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					count.Add(1)
					body, _ := io.ReadAll(r.Body)
					last.Store(string(body))
					for _, text := range c.refused {
						if strings.Contains(string(body), text) {
							w.WriteHeader(http.StatusBadRequest)
							_, _ = io.WriteString(w, c.says)
							return
						}
					}
					answer := `{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi."}]},"finishReason":"STOP","index":0}]}`
					if !whole {
						answer = "data: " + answer + "\n\n"
					}
					_, _ = io.WriteString(w, answer)
				}))
				defer server.Close()
				route, err := client.New(config.Model{Provider: "gemini", Name: "gemini-3-pro", APIKey: "k-test", BaseURL: server.URL + "/v1beta", MaxRetries: 1}, client.Options{})
				require.NoError(t, err)
				defer func() { require.NoError(t, route.Close(context.Background())) }()
				for range 2 {
					before := count.Load()
					request := &llm.Request{}
					require.NoError(t, request.UnmarshalJSON([]byte(geminiHistory)))
					r, err := both(t, route, request, whole)
					require.NoError(t, err)
					require.Equal(t, "Hi.", r.Text())
					if c.left != nil {
						require.ElementsMatch(t, c.left, r.Attempts[0].LeftOut)
					}
					require.Contains(t, last.Load(), c.has)
					if before > 0 {
						require.Equal(t, before+1, count.Load(), "it is remembered")
					}
				}
			})
		}
	}
}

// The budget of thoughts that nobody asked for is left out where a model
// refuses it; one that the caller asked for stays.
func TestRefusedThinkingOfGemini(t *testing.T) {
	for name, c := range map[string]struct {
		request string
		left    []string
		fails   bool
	}{
		"unasked":         {`{}`, []string{"generationConfig.thinkingConfig"}, false},
		"beside others":   {`{"temperature":1}`, []string{"generationConfig.thinkingConfig"}, false},
		"by an effort":    {`{"reasoning_effort":"none"}`, nil, true},
		"by its own name": {`{"generationConfig":{"thinkingConfig":{"thinkingBudget":0}}}`, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if strings.Contains(string(body), "thinkingBudget") {
					w.WriteHeader(http.StatusBadRequest)
					_, _ = io.WriteString(w, `{"error":{"code":400,"message":"Budget 0 is invalid. This model only works in thinking mode.","status":"INVALID_ARGUMENT"}}`)
					return
				}
				_, _ = io.WriteString(w, `{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi."}]},"finishReason":"STOP","index":0}]}`)
			}))
			defer server.Close()
			route, err := client.New(config.Model{Provider: "gemini", Name: "gemini-2.5-flash", APIKey: "k-test", BaseURL: server.URL, MaxRetries: 1}, client.Options{})
			require.NoError(t, err)
			defer func() { require.NoError(t, route.Close(context.Background())) }()
			request := &llm.Request{}
			require.NoError(t, request.UnmarshalJSON([]byte(c.request)))
			request.Messages = ask().Messages
			r, err := route.Chat(context.Background(), request)
			require.Equal(t, c.fails, err != nil, "%v", err)
			if err == nil {
				require.Equal(t, c.left, r.Attempts[0].LeftOut)
			}
		})
	}
}

// A spoken answer of another vendor goes to Gemini as what it says.
func TestASpokenAnswerGoesToGemini(t *testing.T) {
	var last atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		last.Store(string(body))
		_, _ = io.WriteString(w, `{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi."}]},"finishReason":"STOP","index":0}]}`)
	}))
	defer server.Close()
	route, err := client.New(config.Model{Provider: "gemini", Name: "m", APIKey: "k-test", BaseURL: server.URL}, client.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, route.Close(context.Background())) }()
	request := &llm.Request{}
	require.NoError(t, request.UnmarshalJSON([]byte(`{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"audio":{"id":"a","transcript":"Said."}},{"role":"user","content":"?"}]}`)))
	_, err = route.Chat(context.Background(), request)
	require.NoError(t, err)
	require.Contains(t, last.Load(), `{"role":"model","parts":[{"text":"Said."}]}`)
}
