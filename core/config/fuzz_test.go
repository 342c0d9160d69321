package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

// A configuration is taken whole, or refused as the caller's fault in words
// that people can read. What is taken can be used: nothing in it can break out
// of a header, every number has a meaning, it prints without its keys, and
// old-style reading takes it too.
func FuzzConfig(f *testing.F) {
	for _, seed := range []string{
		`{"openai":{"models":{"gpt":{"api_key":"sk-fuzz-secret","base_url":"https://h/v1","timeout":1.5,"max_retries":0}}}}`,
		`{"p":{"type":"gemini","base_url":"http://h","api_key":"${KEY}","models":{"m":{},"n":null}}}`,
		`{"p":{"models":{"m":{"headers":{"X-Key":"${KEY}","A":"b"},"organization":"o","proxy":"http://u:p@h","ca_file":"f"}}}}`,
		`{"p":{"models":{"m":{"breaker":{"open_s":1,"failures":2,"ratio":0.5},"retry":{"wait_s":1e-9},"limits":{"event_bytes":9223372036854775807}}}}}`,
		`{"p":{"models":{"m":{"api_key":"${KEY"}}}}`, `{"p":{"models":{"m":{"api_key":"${}${NONE}"}}}}`, `{"p":{"models":{"m":{"timeout":1e308}}}}`,
		`{"p":{"models":{"m\r\n":{}}}}`, `{"p":{"models":{"m":{"model":"\u0000"}}}}`, `{"p":{"models":{"m":{"headers":{"a b":"c"}}}}}`,
		`{"p/q":{"models":{}}}`, `{"p":{"models":{"m":{"api_key":"a\u000ab"}}}}`, `{}`, `{"p":[]}`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	getenv := func(name string) (string, bool) { return "sk-fuzz-secret", name == "KEY" }
	f.Fuzz(func(t *testing.T, data []byte) {
		configs, err := Parse(data, Options{Getenv: getenv})
		if err != nil {
			e := llm.AsError(err)
			require.Equal(t, llm.InvalidArgument, e.Code)
			require.True(t, e.Message != "" && utf8.ValidString(e.Message), "%q", e.Message)
			return
		}
		require.True(t, json.Valid(data))
		_, err = Parse(data, Options{Getenv: getenv, Lenient: true})
		require.NoError(t, err)
		for _, p := range configs {
			for _, m := range p.Models {
				checkUsable(t, m)
				checkUsable(t, m.WithDefaults())
			}
		}
	})
}

func checkUsable(t *testing.T, m Model) {
	t.Helper()
	require.NoError(t, m.Check())
	for _, text := range []string{m.Provider, m.Name, m.Model} {
		require.Equal(t, -1, strings.IndexFunc(text, unicode.IsControl), "%q", text)
	}
	for name, value := range m.Headers {
		require.NotContains(t, name+value, "\n")
		require.NotContains(t, name+value, "\r")
	}
	require.NotContains(t, m.APIKey+m.Organization, "\n")
	if d := m.WithDefaults(); d.Timeout <= 0 || d.ConnectTimeout <= 0 || d.IdleTimeout <= 0 || d.MaxRetries < 1 || d.MaxConcurrentCalls < 1 ||
		d.Breaker.Ratio <= 0 || d.Retry.BudgetRatio <= 0 || d.Limits.EventBytes < 1 || d.Limits.HeaderBytes < 1 {
		require.Fail(t, "not usable", "%+v", d)
	}
	if m.APIKey == "sk-fuzz-secret" && !strings.Contains(m.Provider+m.Name+m.Model+m.BaseURL, m.APIKey) {
		written, err := json.Marshal(m)
		require.NoError(t, err)
		for _, form := range []string{fmt.Sprint(m), fmt.Sprintf("%+v", m), fmt.Sprintf("%#v", &m), string(written)} {
			require.NotContains(t, form, m.APIKey)
		}
	}
}
