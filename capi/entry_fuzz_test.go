//go:build llmagg_entry

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

const entryAnswer = `{"choices":[{"index":0,"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}]}`

// Whatever text comes through the C entry as a request and its options, it is
// answered, or refused with an error of the table; what reaches the server is
// JSON; nothing is a fault of ours.
func FuzzEntryRequest(f *testing.F) {
	for _, seed := range []struct{ request, options string }{
		{`{"messages":[{"role":"user","content":"hi"}]}`, ``},
		{`{"messages":[{"role":"user","content":"hi"}],"model":"m","stream":true,"n":2}`, `{"deadline":5,"max_retries":1}`},
		{`{"messages":[{"role":"user","content":"hi"}],"model":"no such"}`, `{"headers":{"X-A":"b"},"window":3}`},
		{`{"messages":[]}`, `null`},
		{"{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}", `{"on_interrupt":"restart"}`},
		{"\x00", "\x00"},
		{`{"messages":[{"role":"user","content":"hi"}],"model":"m\r\nX-Evil: 1"}`, `{"headers":{"X-A":"b\r\nX-Evil: 1"}}`},
	} {
		f.Add([]byte(seed.request), []byte(seed.options))
	}
	var malformed string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !json.Valid(body) || !utf8.Valid(body) || r.Header.Get("X-Evil") != "" {
			malformed = string(body)
		}
		if strings.Contains(string(body), `"stream":true`) {
			_, _ = io.WriteString(w, "data: "+strings.Replace(entryAnswer, "message", "delta", 1)+"\n\ndata: [DONE]\n\n")
			return
		}
		_, _ = io.WriteString(w, entryAnswer)
	}))
	f.Cleanup(server.Close)
	e := newEntry()
	f.Cleanup(e.free)
	opened := e.initialize([]byte(`{"p":{"models":{"m":{"base_url":"` + server.URL + `","max_retries":1,"breaker":{"failures":1000000,"min_requests":1000000}}}}}`))
	require.Zero(f, opened.status, opened.err)
	f.Fuzz(func(t *testing.T, request, options []byte) {
		s := e.chat(request, options)
		require.Empty(t, malformed)
		if s.status == 0 {
			require.True(t, json.Valid([]byte(s.out)), "%s", s.out)
			require.Empty(t, s.err)
			return
		}
		require.Empty(t, s.out, "outputs are written only on success")
		requireError(t, s)
	})
}

// Whatever text comes through the C entry as a configuration, it is taken, or
// refused as the caller's fault.
func FuzzEntryConfig(f *testing.F) {
	for _, seed := range []string{
		`{"openai":{"models":{"gpt":{"api_key":"k"}}}}`, `{"p":{"base_url":"http://127.0.0.1/v1","models":{"m":{},"n":{"timeout":3}}}}`,
		`{"p":{"base_url":"http://[::1","models":{"m":{}}}}`, `{"gemini":{"models":{"m":{"api_key":"${HOME}","proxy":"http://a:b@c"}}}}`,
		`{}`, `[]`, "\x00", `{"p":{"models":{"m":{"ca_file":"/nonexistent"}}}}`, `{"openai":{"models":{"a":{"api_key":"k\r\nX: y"}}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, config []byte) {
		if strings.Contains(string(config), "ca_file") && strings.Contains(string(config), "/dev") {
			t.Skip("the file that a configuration names is read")
		}
		e := newEntry()
		defer e.free()
		if s := e.initialize(config); s.status != 0 {
			requireError(t, s)
			require.Equal(t, int(llm.InvalidArgument), s.code, s.err)
		}
	})
}

func requireError(t *testing.T, s said) {
	t.Helper()
	require.Equal(t, s.status, s.code)
	require.Contains(t, llm.Codes(), llm.Code(s.code))
	require.NotEqual(t, int(llm.Internal), s.code, s.err)
	var document struct{ Message string }
	require.True(t, utf8.ValidString(s.err), "%q", s.err)
	require.NoError(t, json.Unmarshal([]byte(s.err), &document), "%s", s.err)
	require.NotEmpty(t, document.Message)
}
