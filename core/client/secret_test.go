package client_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// Whatever a server repeats, and wherever it is cut, no key comes out (L2).
func TestNoKeyComesOutOfAnError(t *testing.T) {
	const key = "sk-secret-key"
	for name, step := range map[string]string{
		"message":              `{"status":401,"body":{"error":{"message":"bad key ` + key + `","code":"` + key + `"}}}`,
		"request id":           `{"status":400,"headers":{"x-request-id":"` + key + `"}}`,
		"redirect":             `{"redirect":"http://` + key + `.example/?k=` + key + `"}`,
		"redirect's password":  `{"redirect":"https://user:percall-pw@host.example/x"}`,
		"cut in the message":   `{"status":400,"body":"` + strings.Repeat("x", 1015) + key + `"}`,
		"cut in the body":      `{"status":400,"body":"` + strings.Repeat("x", 1<<16-10) + key + `"}`,
		"header's token":       `{"status":400,"body":"no such token: configured-987654"}`,
		"header of the call":   `{"status":400,"body":"no such token: percall-987654"}`,
		"inside of the stream": `{"events":[{"error":{"message":"bad key ` + key + `"}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := route(t, wallWith(t, "["+step+"]"), func(cfg *config.Model) {
				cfg.MaxRetries, cfg.Headers = 1, map[string]string{"X-Authorization": "Bearer configured-987654"}
			})
			q := ask()
			q.Options.Headers = map[string]string{"X-Api-Key": "percall-987654"}
			q.Stream = name == "inside of the stream"
			_, err := c.Chat(t.Context(), q)
			require.Error(t, err)
			told, failed := llm.AsError(err).MarshalJSON()
			require.NoError(t, failed)
			for _, secret := range []string{"sk-sec", "configured-", "percall-"} {
				require.NotContains(t, err.Error(), secret)
				require.NotContains(t, string(told), secret)
			}
		})
	}
}

func TestNoKeyComesOutOfAPrintedClient(t *testing.T) {
	c := route(t, wallWith(t, `[{}]`), nil)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(verb, c), "sk-secret-key", verb)
		require.NotContains(t, fmt.Sprintf(verb, c.Config()), "sk-secret-key", verb)
	}
}

// A key that stands in a base_url is the server's to read: it comes out of
// nothing that is shown (L2).
func TestNoKeyComesOutOfAnAddress(t *testing.T) {
	const key, other = "sk-proj-Abc123Def456Ghi789", "a1b2c3d4e5f6a7b8c9d0e1f2"
	wall := wallWith(t, `[{"status":404,"body":""}]`)
	for name, base := range map[string]string{
		"path":       wall.URL() + "/" + key + "/v1",
		"path alone": wall.URL() + "/gateway/sk-" + other + "/v1",
		"query":      wall.URL() + "/v1?code=" + other,
		"host":       "http://" + key + ".example.invalid:1/v1",
		"host alone": "http://" + other + ":1/v1",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := client.New(config.Model{Provider: "mine", Name: "m", Type: "openai-compatible", APIKey: key, BaseURL: base, MaxRetries: 1, Timeout: 5 * time.Second}, client.Options{})
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Close(t.Context())) }()
			_, err = c.Chat(t.Context(), ask())
			require.Error(t, err)
			told, failed := llm.AsError(err).MarshalJSON()
			require.NoError(t, failed)
			report, failed := json.Marshal(c.Report())
			require.NoError(t, failed)
			for _, text := range []string{err.Error(), string(told), string(report), c.Address(), fmt.Sprintf("%v %+v %#v", c, c.Config(), c.Config())} {
				require.NotContains(t, strings.ToLower(text), strings.ToLower(key))
				require.NotContains(t, text, other)
			}
		})
	}
}

// Accounts, gateways and projects are no keys, however they look.
func TestPartsOfAPathThatAreNoKeysAreShown(t *testing.T) {
	for _, base := range []string{
		"https://gateway.ai.cloudflare.com/v1/0123456789abcdef0123456789abcdef/gw/openai",
		"https://us-central1-aiplatform.googleapis.com/v1/projects/acmeprodllmplatform482910/locations/us-central1/endpoints/openapi",
	} {
		c, err := client.New(config.Model{Provider: "mine", Name: "m", Type: "openai-compatible", APIKey: "sk-proj-Abc123Def456Ghi789", BaseURL: base}, client.Options{})
		require.NoError(t, err)
		require.Equal(t, base, c.Address())
		require.NoError(t, c.Close(t.Context()))
	}
}

// A word is both a host's name and a key where servers want any key.
func TestAHostsNameIsShownThoughItIsTheKey(t *testing.T) {
	c, err := client.New(config.Model{Provider: "ollama", Name: "m", Type: "openai-compatible", APIKey: "ollama", BaseURL: "http://ollama:11434/v1"}, client.Options{})
	require.NoError(t, err)
	require.Equal(t, "http://ollama:11434/v1", c.Address())
	require.NoError(t, c.Close(t.Context()))
}

func TestANameThatHoldsTheKeyIsRefused(t *testing.T) {
	const key = "sk-proj-Abc123Def456Ghi789"
	for _, m := range []config.Model{
		{Provider: key, Name: "m"}, {Provider: "mine-" + key, Name: "m"}, {Provider: "mine", Name: "m " + key}, {Provider: "mine", Name: "m", Model: "x/" + key},
	} {
		m.Type, m.BaseURL = "openai-compatible", "http://127.0.0.1:1/v1"
		for _, several := range []bool{false, true} {
			m.APIKey, m.APIKeys = key, nil
			if several {
				m.APIKey, m.APIKeys = "", []string{"another-key", key}
			}
			_, err := client.New(m, client.Options{})
			require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
			require.ErrorContains(t, err, "holds its api_key")
			require.NotContains(t, err.Error(), key)
		}
	}
}
