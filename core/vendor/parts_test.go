package vendor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A part of litellm's in a model's name is refused where the vendor itself is
// asked; another server, by the configuration or by the environment, may know
// such a name.
func TestPartsOfNames(t *testing.T) {
	const proxy, own = "http://litellm.example:4000/v1", "https://api.openai.com/v1"
	for _, c := range []struct {
		base, variable string
		refused        bool
	}{{"", "", true}, {"", own, true}, {own, "", true}, {"", proxy, false}, {proxy, "", false}, {proxy, own, false}} {
		_, base, err := Resolve(Model{Provider: "openai", Name: "responses/gpt-5", APIKey: "k", BaseURL: c.base},
			func(name string) (string, bool) { return c.variable, name == "OPENAI_BASE_URL" && c.variable != "" })
		if c.refused {
			require.ErrorContains(t, err, `write "openai/gpt-5", and "type": "responses"`, "%+v", c)
			continue
		}
		require.NoError(t, err, "%+v", c)
		require.Contains(t, base, "litellm.example")
	}
	_, _, err := Resolve(Model{Provider: "bedrock", Name: "us-east-1/m"}, nil)
	require.ErrorContains(t, err, `"region": "us-east-1"`)
}

// A region is said of AWS's servers under any of their names, and of no others.
func TestWhereARegionMayBeSaid(t *testing.T) {
	const runtime, mantle = "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1", "https://bedrock-mantle.us-east-1.api.aws/v1"
	for _, m := range []Model{{Provider: "bedrock-openai"}, {Provider: "p", BaseURL: runtime}, {Provider: "p", BaseURL: mantle}, {Provider: "p", BaseURL: mantle, Type: "responses"}} {
		m.Name, m.APIKey, m.Region = "m", "k", "us-east-1"
		_, _, err := Resolve(m, nil)
		require.NoError(t, err, "%+v", m)
		m.Provider, m.BaseURL = "p", "https://api.test/v1"
		_, _, err = Resolve(m, nil)
		require.ErrorContains(t, err, `"region" is a setting of AWS's`, "%+v", m)
	}
}
