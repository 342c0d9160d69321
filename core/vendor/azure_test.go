package vendor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const resource = "https://res.openai.azure.com"

// A model at Azure is asked at the address that its configuration means,
// however much of it the portal showed.
func TestAzureAddresses(t *testing.T) {
	const classic = resource + "/openai/deployments/m/chat/completions?api-version=2024-10-21"
	for _, c := range []struct {
		m    Model
		want string
	}{
		{Model{BaseURL: resource}, resource + "/openai/v1/chat/completions"},
		{Model{BaseURL: resource + "/openai/"}, resource + "/openai/v1/chat/completions"},
		{Model{BaseURL: resource + "/openai/v1/"}, resource + "/openai/v1/chat/completions"},
		{Model{BaseURL: resource + "/openai/v1/responses"}, resource + "/openai/v1/chat/completions"},
		{Model{BaseURL: resource, APIVersion: "v1"}, resource + "/openai/v1/chat/completions"},
		{Model{BaseURL: resource, APIVersion: "preview"}, resource + "/openai/v1/chat/completions?api-version=preview"},
		{Model{BaseURL: resource, APIVersion: "2024-10-21"}, classic},
		{Model{BaseURL: resource + "?api-version=2024-10-21"}, classic},
		{Model{BaseURL: resource + "/openai", APIVersion: "2024-10-21"}, classic},
		{Model{BaseURL: classic}, classic},
		{Model{BaseURL: resource + "/openai/deployments/m?api-version=2024-10-21", Deployment: "m"}, classic},
		{Model{BaseURL: resource + "/openai/deployments/d%20e?Api-Version=2025-01-01-preview&x=1"}, resource + "/openai/deployments/d%20e/chat/completions?x=1&api-version=2025-01-01-preview"},
		{Model{Provider: "p", BaseURL: classic}, classic},
		{Model{Provider: "openai", BaseURL: resource + "/openai/v1"}, resource + "/openai/v1/chat/completions"},
		{Model{Provider: "p", BaseURL: "https://res.services.ai.azure.com/api/projects/p"}, "https://res.services.ai.azure.com/api/projects/p/openai/v1/chat/completions"},
		{Model{Provider: "p", Type: "azure", BaseURL: "https://gateway/team"}, "https://gateway/team/openai/v1/chat/completions"},
		{Model{BaseURL: "https://gateway/team", APIVersion: "2024-10-21"}, "https://gateway/team/openai/deployments/m/chat/completions?api-version=2024-10-21"},
		{Model{BaseURL: "https://gateway/openai/deployments/d"}, "https://gateway/openai/deployments/d/chat/completions"},
		{Model{BaseURL: "https://gateway/v1"}, "https://gateway/v1/chat/completions"},
		{Model{Type: "anthropic", BaseURL: "https://res.services.ai.azure.com/anthropic"}, "https://res.services.ai.azure.com/anthropic/v1/messages"},
	} {
		if c.m.Provider == "" {
			c.m.Provider = "azure"
		}
		chat, stream, err := urlsOf(t, c.m, nil)
		require.NoError(t, err, c.m)
		require.Equal(t, c.want, chat)
		require.Equal(t, chat, stream)
	}
}

// Whatever Azure needs and a configuration lacks is named, with where to set
// it.
func TestAzureIsToldWhatToSet(t *testing.T) {
	for _, c := range []struct {
		m    Model
		says string
	}{
		{Model{}, "set base_url to https://RESOURCE.openai.azure.com"},
		{Model{BaseURL: resource + "/openai/deployments/d"}, `set "api_version" (such as "2024-10-21") or the variable OPENAI_API_VERSION, or write the base_url "` + resource + `/openai/v1"`},
		{Model{BaseURL: resource + "/openai/deployments/d?api-version=v1"}, "/openai/v1"},
		{Model{BaseURL: resource + "/openai/v1", APIVersion: "2024-10-21"}, `leave it out for /openai/v1`},
		{Model{BaseURL: resource + "?api-version=2024-10-21", APIVersion: "2025-01-01"}, "leave one of them out"},
		{Model{BaseURL: resource, APIVersion: "2024"}, `expected a date such as "2024-10-21", or "v1"`},
		{Model{BaseURL: resource + "/openai/deployments/d?api-version=2024-10-21", Deployment: "e"}, `deployment is "e", but base_url names "d"`},
		{Model{BaseURL: "https://res.services.ai.azure.com/models"}, `write the base_url "https://res.services.ai.azure.com/openai/v1"`},
		{Model{BaseURL: "https://res.services.ai.azure.com/anthropic/v1"}, `write "type": "anthropic"`},
		{Model{Type: "anthropic", BaseURL: resource}, `write "type": "azure"`},
		{Model{BaseURL: resource + "?subscription-key=sk-1"}, "api_key"},
		{Model{Provider: "openai", Deployment: "d"}, `"deployment" is a setting of Azure's`},
		{Model{Provider: "p", BaseURL: "https://h/v1", APIVersion: "2024-10-21"}, `write "type": "azure"`},
	} {
		if c.m.Provider == "" {
			c.m.Provider = "azure"
		}
		_, _, err := urlsOf(t, c.m, nil)
		require.ErrorContains(t, err, c.says, c.m)
		require.NotContains(t, err.Error(), "sk-")
	}
	_, _, err := Resolve(Model{Provider: "azure", Name: "m", BaseURL: resource}, nil)
	require.ErrorContains(t, err, "azure needs one")
	_, _, err = Resolve(Model{Provider: "azure", Name: "m", BaseURL: resource, OwnAuth: true}, nil)
	require.NoError(t, err)
}

// The variables of Azure's own SDKs count where the configuration is silent.
func TestAzureVariables(t *testing.T) {
	variables := map[string]string{"AZURE_OPENAI_ENDPOINT": resource + "/", "OPENAI_API_VERSION": "2024-10-21"}
	getenv := func(name string) (string, bool) { return variables[name], variables[name] != "" }
	chat, _, err := urlsOf(t, Model{Provider: "azure"}, getenv)
	require.NoError(t, err)
	require.Equal(t, resource+"/openai/deployments/m/chat/completions?api-version=2024-10-21", chat)
	chat, _, err = urlsOf(t, Model{Provider: "azure", BaseURL: resource + "/openai/v1"}, getenv)
	require.NoError(t, err)
	require.Equal(t, resource+"/openai/v1/chat/completions", chat)
	variables["OPENAI_API_VERSION"] = "now"
	_, _, err = urlsOf(t, Model{Provider: "azure"}, getenv)
	require.ErrorContains(t, err, "OPENAI_API_VERSION")
}
