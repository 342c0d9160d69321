package vendor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Ollama needs no key and no base_url; it is where OLLAMA_HOST, in whatever
// form, says that it listens.
func TestOllamaIsFound(t *testing.T) {
	for variable, want := range map[string]string{
		"":                        "http://localhost:11434/api/chat",
		"0.0.0.0":                 "http://127.0.0.1:11434/api/chat",
		":8080":                   "http://127.0.0.1:8080/api/chat",
		"box":                     "http://box:11434/api/chat",
		"box:1/sub/":              "http://box:1/sub/api/chat",
		"http://box":              "http://box:80/api/chat",
		"https://box":             "https://box:443/api/chat",
		"[::]:11434":              "http://[::1]:11434/api/chat",
		"[fe80::1]":               "http://[fe80::1]:11434/api/chat",
		"http://127.0.0.1:11434/": "http://127.0.0.1:11434/api/chat",
	} {
		getenv := func(name string) (string, bool) { return variable, name == "OLLAMA_HOST" }
		v, base, err := Resolve(Model{Provider: "ollama", Name: "m"}, getenv)
		require.NoError(t, err, variable)
		require.Equal(t, want, v.Format(base, "").URL("m", true), variable)
	}
	for _, c := range []struct{ kind, base, want, says string }{
		{"", "http://box:11434/api", "http://box:11434/api/chat", ""},
		{"", "http://box:11434/v1", "http://box:11434/v1/chat/completions", ""},
		{"", "http://box:11434/api/chat", "", `"http://box:11434"`},
		{"openai", "https://ollama.com", "", `write "type": "ollama"`},
		{"", "https://ollama.com", "", "needs one"},
	} {
		v, base, err := Resolve(Model{Provider: "ollama", Name: "m", Type: c.kind, BaseURL: c.base}, nil)
		if c.says != "" {
			require.ErrorContains(t, err, c.says)
			continue
		}
		require.NoError(t, err, c.base)
		require.Equal(t, c.want, v.Format(base, "").URL("m", true))
	}
}
