package vendor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The Responses API is asked at the root of the provider, and whatever cannot
// have it is told so.
func TestResponsesAddresses(t *testing.T) {
	for _, c := range []struct {
		m    Model
		want string
		says string
	}{
		{Model{Provider: "openai"}, "https://api.openai.com/v1/responses", ""},
		{Model{Provider: "p", BaseURL: "https://api.openai.com"}, "https://api.openai.com/v1/responses", ""},
		{Model{Provider: "p", BaseURL: "http://localhost:8000/v1/"}, "http://localhost:8000/v1/responses", ""},
		{Model{Provider: "azure", BaseURL: resource}, resource + "/openai/v1/responses", ""},
		{Model{Provider: "p", BaseURL: resource + "/openai/v1/responses?api-version=preview"}, resource + "/openai/v1/responses?api-version=preview", ""},
		{Model{Provider: "azure", BaseURL: resource, APIVersion: "2024-10-21"}, "", "/openai/v1 only"},
		{Model{Provider: "azure"}, "", "AZURE_OPENAI_ENDPOINT"},
		{Model{Provider: "p"}, "", "needs a base_url"},
		{Model{Provider: "anthropic"}, "", "needs a base_url"},
		{Model{Provider: "p", BaseURL: "https://api.anthropic.com/v1"}, "", `write "type": "anthropic"`},
		{Model{Provider: "p", BaseURL: "https://api.openai.com/v1/responses"}, "", `write the API's root: "https://api.openai.com/v1"`},
		{Model{Provider: "p", BaseURL: "https://h/v1", Deployment: "d"}, "", "setting of Azure's"},
	} {
		c.m.Type = "responses"
		chat, stream, err := urlsOf(t, c.m, nil)
		if c.says != "" {
			require.ErrorContains(t, err, c.says, c.m)
			continue
		}
		require.NoError(t, err, c.m)
		require.Equal(t, c.want, chat)
		require.Equal(t, chat, stream)
	}
	_, _, err := Resolve(Model{Provider: "openai", Name: "m", Type: "responses"}, nil)
	require.ErrorContains(t, err, "openai/m has no api_key")
	_, _, err = urlsOf(t, Model{Provider: "openai", BaseURL: "https://api.openai.com/v1/responses"}, nil)
	require.ErrorContains(t, err, `"type": "responses" to use that endpoint`)
}
