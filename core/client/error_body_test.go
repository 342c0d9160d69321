package client_test

import (
	"encoding/json"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// What a server puts into "details", or before the JSON, hides neither its
// message nor its code (T4, E1).
func TestOddErrorBodiesAreReadAllTheSame(t *testing.T) {
	for name, body := range map[string]string{
		"details is a text":    `{"error":{"message":"m","code":"insufficient_quota","details":"more"}}`,
		"details is an object": `{"error":{"message":"m","code":"insufficient_quota","details":{"a":1}}}`,
		"details of texts":     `{"error":{"message":"m","code":"insufficient_quota","details":["a"]}}`,
		"byte order mark":      "\xef\xbb\xbf" + `{"error":{"message":"m","code":"insufficient_quota"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			quoted, err := json.Marshal(body)
			require.NoError(t, err)
			c := route(t, wallWith(t, `[{"status":429,"body":`+string(quoted)+`}]`), nil)
			_, err = c.Chat(t.Context(), ask())
			require.Equal(t, llm.Quota, llm.CodeOfError(err))
			require.Equal(t, "m", llm.AsError(err).ProviderMessage)
		})
	}
}
