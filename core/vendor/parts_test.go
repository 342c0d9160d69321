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
