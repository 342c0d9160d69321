package client_test

import (
	"fmt"
	"strings"
	"testing"

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
