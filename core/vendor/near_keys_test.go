package vendor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAKeyUnderANearNameIsNamed(t *testing.T) {
	env := func(set ...string) func(string) (string, bool) {
		return func(name string) (string, bool) {
			for _, s := range set {
				if s == name {
					return "k", true
				}
			}
			return "", false
		}
	}
	for name, near := range map[string]string{
		"OPENAI_KEY": "OPENAI_API_KEY", "OPENAI_APIKEY": "OPENAI_API_KEY", "openai_api_key": "OPENAI_API_KEY", "OPENAI_API_TOKEN": "OPENAI_API_KEY",
		"QWEN_KEY": "QWEN_API_KEY", "HUGGINGFACE_API_KEY": "HF_TOKEN",
	} {
		require.Equal(t, []NearKey{{name, near}}, NearKeys(env(name)), name)
	}
	require.Empty(t, NearKeys(env("OPENAI_KEY", "OPENAI_API_KEY")), "a key is set")
	require.Empty(t, NearKeys(env("MY_KEY", "PATH", "GEMINI_API_KEY")))
	require.Empty(t, NearKeys(nil))
	for _, kind := range []string{"", responsesName} {
		_, _, err := Resolve(Model{Provider: "openai", Name: "m", Type: kind}, env("OPENAI_KEY"))
		require.ErrorContains(t, err, "OPENAI_API_KEY; nothing reads OPENAI_KEY, which is set; did you mean OPENAI_API_KEY?")
		_, _, err = Resolve(Model{Provider: "anthropic", Name: "m"}, env("OPENAI_KEY"))
		require.NotContains(t, err.Error(), "OPENAI_KEY")
	}
	for v := range all() {
		for _, key := range v.allKeys() {
			require.Empty(t, NearKeys(env(key)), "%s is read", key)
		}
	}
}
