package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeysAreRefusedWithWhatIsAroundThem(t *testing.T) {
	for key, says := range map[string]string{
		" sk-secret": "white space", "sk-secret ": "white space", "sk-secret\t": "white space", "\u00a0sk-secret": "white space", "sk-secret\u200b": "white space", "\ufeffsk-secret": "white space", " ": "white space",
		`"sk-secret"`: "quotes", `'sk-secret'`: "quotes", "Bearer sk-secret": "Bearer", "bearer sk-secret": "bearer",
		"sk-secret\n": "white space",
	} {
		err := Model{Provider: "p", Name: "m", Model: "m", APIKey: key}.Check()
		require.ErrorContains(t, err, says, "%q", key)
		require.ErrorContains(t, err, "api_key")
		require.NotContains(t, err.Error(), "secret")
	}
	for _, key := range []string{"", "sk-secret", "two words", "-", `"`, "a:b=="} {
		require.NoError(t, Model{Provider: "p", Name: "m", Model: "m", APIKey: key}.Check())
	}
	require.ErrorContains(t, Model{Provider: "p", Name: "m", Model: "m", Organization: " org"}.Check(), "organization")
}
