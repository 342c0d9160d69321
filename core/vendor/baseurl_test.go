package vendor

import (
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

func urlsOf(t *testing.T, m Model, getenv func(string) (string, bool)) (chat, stream string, err error) {
	t.Helper()
	m.Name, m.APIKey = "m", "sk-secret-key"
	if m.Provider == "" {
		m.Provider = "p"
	}
	v, base, err := Resolve(m, getenv)
	if err != nil {
		require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
		return "", "", err
	}
	format := v.Format(base, m.APIKey)
	return format.URL(m.Name, false), format.URL(m.Name, true), nil
}

// A base_url is understood, or refused with what to write instead.
func TestBaseURL(t *testing.T) {
	const google = "https://generativelanguage.googleapis.com"
	for _, c := range []struct{ provider, kind, base, url, says string }{
		{"", "", "https://h/v1", "https://h/v1/chat/completions", ""},
		{"", "", "https://h/v1///", "https://h/v1/chat/completions", ""},
		{"", "", "https://h", "https://h/chat/completions", ""},
		{"", "", "https://h/a%2Fb/", "https://h/a%2Fb/chat/completions", ""},
		{"", "", "https://h/v1/chat/completions", "", `write the API's root: "https://h/v1"`},
		{"", "", "https://h/v1/Chat/Completions/", "", `"https://h/v1"`},
		{"", "", "https://h/openai/deployments/d/chat/completions?api-version=1", "", `"https://h/openai/deployments/d?api-version=1"`},
		{"openai", "", "https://h/v1/completions", "", `"https://h/v1"`},
		{"", "", "https://h/v1/responses", "", `"https://h/v1"`},
		{"", "", "https://h/v1/messages", "", `"https://h/v1"`},
		{"gemini", "", google + "/v1beta/models/gemini-2.5-flash:generateContent", "", `"` + google + `/v1beta"`},
		{"", "", "https://h/openai/deployments/d?api-version=2024-02-01", "https://h/openai/deployments/d/chat/completions?api-version=2024-02-01", ""},
		{"", "", "https://h/v1/?a=1&b=2", "https://h/v1/chat/completions?a=1&b=2", ""},
		{"", "", "https://h/v1?api_key=sk-1", "", "api_key"},
		{"anthropic", "", "https://api.anthropic.com", "https://api.anthropic.com/v1/messages", ""},
		{"openai", "", "https://api.anthropic.com/v1", "https://api.anthropic.com/v1/chat/completions", ""},
		{"", "openai-compatible", "https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/chat/completions", ""},
		{"", "", "https://api.anthropic.com/v1", "", `write "type": "anthropic", or "openai-compatible" for OpenAI's`},
		{"anthropic", "", "https://api.openai.com/v1", "", `write "type": "openai"`},
		{"", "anthropic", "https://api.deepseek.com/anthropic", "https://api.deepseek.com/anthropic/v1/messages", ""},
		{"deepseek", "anthropic", "https://api.deepseek.com/anthropic/v1", "https://api.deepseek.com/anthropic/v1/messages", ""},
		{"", "anthropic", "https://api.deepseek.com/v1", "", `write "type": "deepseek"`},
		{"", "anthropic", "https://open.bigmodel.cn/api/anthropic", "https://open.bigmodel.cn/api/anthropic/v1/messages", ""},
		{"", "", "https://h/v1?Subscription-Key=sk-1", "", "headers"},
		{"", "", "https://h/v1#x", "", "fragment"},
		{"", "", " https://h/v1", "", "white space"},
		{"", "", "https://h/v1\n", "", "white space"},
		{"", "", "h:80/v1", "", `neither with http:// nor with https://; write "http://h:80/v1"`},
		{"", "", "127.0.0.1:9", "", `write "http://127.0.0.1:9"`},
		{"", "", "[::1]:9/v1", "", `write "http://[::1]:9/v1"`},
		{"", "", "api.test/v1", "", `write "https://api.test/v1"`},
		{"", "", "8.8.8.8/v1", "", `write "https://8.8.8.8/v1"`},
		{"", "", "//api.test/v1", "", `write "https://api.test/v1"`},
		{"", "", "https:/api.test/v1", "", `write "https://api.test/v1"`},
		{"", "", "HTTPS//api.test/v1", "", `write "https://api.test/v1"`},
		{"", "", "htps://api.test/v1", "", `write "https://api.test/v1"`},
		{"", "", "ftp://10.0.0.1/v1", "", `write "http://10.0.0.1/v1"`},
		{"", "", "api.test/sk-0123456789abcdefABCDEF/v1", "", `write "https://api.test/***/v1"`},
		{"", "", "u:sk-1@h:80", "", "credentials"},
		{"azure", "", "r.openai.azure.com", "", `write "https://r.openai.azure.com"`},
		{"p", "azure", "r.openai.azure.com/openai/v1", "", `write "https://r.openai.azure.com/openai/v1"`},
		{"p", "responses", "localhost:80/v1", "", `write "http://localhost:80/v1"`},
		{"p", "ollama", "localhost:11434", "", `write "http://localhost:11434"`},
		{"", "", "HTTP://h/v1", "http://h/v1/chat/completions", ""},
		{"", "", "https://:80/v1", "", "no host"},
		{"gemini", "", google, google + "/v1beta/models/m:generateContent", ""},
		{"gemini", "", google + "/", google + "/v1beta/models/m:generateContent", ""},
		{"gemini", "", google + "/v1", google + "/v1/models/m:generateContent", ""},
		{"gemini", "", google + "/v1beta?x=1", google + "/v1beta/models/m:generateContent?x=1", ""},
		{"gemini", "", google + "/v1beta/openai/", google + "/v1beta/openai/chat/completions", ""},
		{"gemini", "", "https://relay/v1beta/openai", "https://relay/v1beta/openai/chat/completions", ""},
		{"gemini", "gemini", google + "/v1beta/openai", google + "/v1beta/openai/chat/completions", ""},
		{"p", "gemini", google + "/v1beta/openai", "", `"openai-compatible"`},
		{"p", "openai-compatible", google + "/v1beta/openai", google + "/v1beta/openai/chat/completions", ""},
		{"openai", "", google + "/v1beta", "", `"` + google + `/v1beta/openai"`},
		{"p", "", google, "", `"gemini"`},
		{"gemini", "", "https://api.openai.com/v1", "", `"openai"`},
		{"openai", "", "https://api.openai.com", "https://api.openai.com/v1/chat/completions", ""},
		{"p", "", "https://api.openai.com/", "https://api.openai.com/v1/chat/completions", ""},
		{"deepseek", "", "https://api.deepseek.com", "https://api.deepseek.com/chat/completions", ""},
		{"openai", "", "https://api.deepseek.com/beta", "https://api.deepseek.com/beta/chat/completions", ""},
	} {
		chat, stream, err := urlsOf(t, Model{Provider: c.provider, Type: c.kind, BaseURL: c.base}, nil)
		if c.says != "" {
			require.ErrorContains(t, err, c.says, c.base)
			require.ErrorContains(t, err, "base_url")
			require.NotContains(t, err.Error(), "sk-")
			continue
		}
		require.NoError(t, err, c.base)
		require.Equal(t, c.url, chat)
		if strings.Contains(chat, ":generateContent") {
			require.Contains(t, stream, "alt=sse")
		} else {
			require.Equal(t, chat, stream)
		}
	}
}

// Where the configuration says nothing, Gemini is where its own SDK would look
// for it.
func TestBaseURLOfGeminisSDK(t *testing.T) {
	for value, want := range map[string]string{
		"":                          "https://generativelanguage.googleapis.com/v1beta",
		"http://127.0.0.1:1":        "http://127.0.0.1:1/v1beta",
		"http://127.0.0.1:1/g/":     "http://127.0.0.1:1/g/v1beta",
		"http://127.0.0.1:1/v1beta": "http://127.0.0.1:1/v1beta",
	} {
		getenv := func(name string) (string, bool) { return value, name == "GOOGLE_GEMINI_BASE_URL" }
		chat, _, err := urlsOf(t, Model{Provider: "gemini"}, getenv)
		require.NoError(t, err)
		require.Equal(t, want+"/models/m:generateContent", chat)
		chat, _, err = urlsOf(t, Model{Provider: "gemini", BaseURL: "http://own/v1beta"}, getenv)
		require.NoError(t, err)
		require.Equal(t, "http://own/v1beta/models/m:generateContent", chat)
		chat, _, err = urlsOf(t, Model{Provider: "openai"}, getenv)
		require.NoError(t, err)
		require.Equal(t, "https://api.openai.com/v1/chat/completions", chat)
	}
}

// A variable of blanks counts as left out, as an empty one does.
func TestAnAddressOfBlanksIsNone(t *testing.T) {
	for _, blank := range []string{"", " ", "\t\r\n"} {
		_, base, err := Resolve(Model{Provider: "openai", Name: "m", APIKey: "k1"}, func(name string) (string, bool) { return blank, name == "OPENAI_BASE_URL" })
		require.NoError(t, err)
		require.Equal(t, "https://api.openai.com/v1", base)
	}
}
