package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeysAreRefusedWithWhatIsAroundThem(t *testing.T) {
	for key, says := range map[string]string{
		" sk-secret": "white space", "sk-secret ": "white space", "sk-secret\t": "white space", "\u00a0sk-secret": "white space", "sk-secret\u200b": "white space", "\ufeffsk-secret": "white space", " ": "white space",
		`"sk-secret"`: "quotes", `'sk-secret'`: "quotes", `"`: "quotes", "two words": "a blank", "sk-secr\u00e9t": "U+00E9", "Bearer sk-secret": "Bearer", "bearer sk-secret": "bearer",
		"sk-secret\n": "white space",
	} {
		err := Model{Provider: "p", Name: "m", Model: "m", APIKey: key}.Check()
		require.ErrorContains(t, err, says, "%q", key)
		require.ErrorContains(t, err, "api_key")
		require.NotContains(t, err.Error(), "secret")
	}
	for _, key := range []string{"", "sk-secret", "-", "a:b==", "it's"} {
		require.NoError(t, Model{Provider: "p", Name: "m", Model: "m", APIKey: key}.Check())
	}
	require.ErrorContains(t, Model{Provider: "p", Name: "m", Model: "m", Organization: " org"}.Check(), "organization")
}

func TestWhatStandsInThePlaceOfAKeyIsRefused(t *testing.T) {
	for key, says := range map[string]string{
		"None": "leave api_key out", "null": "leave api_key out", "undefined": "leave api_key out", "os.environ/A_KEY": "${A_KEY}", "os.environ/": "${NAME}",
		"${A_KEY}": "was not replaced", "your-api-key": "an example's text", "<YOUR_API_KEY>": "an example's text", "https://h/v1": "belongs in base_url",
	} {
		require.ErrorContains(t, Model{Provider: "p", Name: "m", Model: "m", APIKey: key}.Check(), says, "%q", key)
	}
	for _, key := range []string{"none", "EMPTY", "not-needed", "sk", "test"} {
		require.NoError(t, Model{Provider: "p", Name: "m", Model: "m", APIKey: key}.Check())
	}
	err := Model{Provider: "p", Name: "sk-secret", Model: "sk-secret", APIKey: "gpt"}.Check()
	require.ErrorContains(t, err, "swapped")
	require.NotContains(t, err.Error(), "secret")
	require.ErrorContains(t, Model{Provider: "p", Name: "https://h/v1", Model: "https://h/v1"}.Check(), "base_url")
}

func TestAKeyInAListIsASecret(t *testing.T) {
	require.True(t, HoldsSecret([]byte(`{"p":{"api_keys":["${A}","sk-1"]}}`)))
	require.False(t, HoldsSecret([]byte(`{"p":{"api_keys":["${A}","${B}"]}}`)))
}

func TestAPasswordInAURLIsASecret(t *testing.T) {
	for text, want := range map[string]bool{
		`{"fleet":{"url":"redis://u:sesame@h:1"}}`: true, `{"fleet":{"url":"redis://h:1?sentinel=mymaster1"}}`: false,
		`{"p":{"base_url":"https://h/v1?code=Q7xSECRET"}}`: true, `{"p":{"base_url":"https://h/v1?api-version=2024-06-01"}}`: false,
		`{"p":{"proxy":"http://u:sesame@h:1"}}`: true, `{"p":{"proxy":"http://h:1"}}`: false,
		`{"p":{"api_key":"${A:-sk-sesame}"}}`: true, `{"p":{"api_key":"${A:-}"}}`: false, `{"p":{"api_key":"${A:-}${B:-sk-sesame}"}}`: true,
	} {
		require.Equal(t, want, HoldsSecret([]byte(text)), text)
	}
}

func TestAModelsOwnKeysReplaceItsProvidersKey(t *testing.T) {
	configs, err := Parse([]byte(`{"p":{"api_key":"one","models":{"a":{"api_keys":["two","three"]},"b":{}}},"q":{"api_keys":["four","${GONE}"],"models":{"c":{"api_key":"five"}}}}`), Options{})
	require.NoError(t, err)
	require.Empty(t, configs[0].Models[0].APIKey)
	require.Equal(t, []string{"two", "three"}, configs[0].Models[0].APIKeys)
	require.Equal(t, "one", configs[0].Models[1].APIKey)
	require.Equal(t, "five", configs[1].Models[0].APIKey)
	require.Empty(t, configs[1].Models[0].APIKeys)
}

// Of several keys, those whose variables are set are used, and each of the
// others is told; where none is left, the model is left out.
func TestKeysWhoseVariablesAreNotSet(t *testing.T) {
	environment := map[string]string{"A": "one", "B": "two", "EMPTY": ""}
	var told []string
	o := Options{Getenv: func(name string) (string, bool) { v, ok := environment[name]; return v, ok }, Warn: func(message string) { told = append(told, message) }}
	for list, want := range map[string]struct {
		keys []string
		told []string
	}{
		`"${A}","${B}"`:                {[]string{"one", "two"}, nil},
		`"${A}","${GONE}"`:             {[]string{"one"}, []string{`"api_keys[1]" refers to the environment variable GONE, which is not set`}},
		`"${GONE}","${AWAY}","${B}"`:   {[]string{"two"}, []string{"api_keys[0]", "GONE", "api_keys[1]", "AWAY"}},
		`"${EMPTY}","three"`:           {[]string{"three"}, []string{`"api_keys[0]" refers to an environment variable that is empty`}},
		`"${GONE:-}","${B}"`:           {[]string{"two"}, []string{"api_keys[0]"}},
		`"${GONE:-four}","sk-${AWAY}"`: {[]string{"four"}, []string{"api_keys[1]", "AWAY"}},
		`"${GONE}","${AWAY}"`:          {nil, []string{"p/m", "api_keys[0]", "GONE", "the model is left out"}},
		`"${EMPTY}"`:                   {nil, []string{"p/m", "api_keys[0]", "empty", "the model is left out"}},
	} {
		told = nil
		configs, err := Parse([]byte(`{"p":{"models":{"m":{"api_keys":[`+list+`]}}},"q":{"models":{"n":{}}}}`), o)
		require.NoError(t, err, list)
		text := strings.Join(told, "\n")
		for _, part := range want.told {
			require.Contains(t, text, part, list)
		}
		require.Equal(t, want.told == nil, text == "", list)
		require.NotContains(t, text, "one")
		if want.keys == nil {
			require.Len(t, configs, 1, list)
			continue
		}
		require.Equal(t, want.keys, configs[0].Models[0].APIKeys, list)
		require.NoError(t, configs[0].Models[0].CheckKeys())
	}
	configs, err := Parse([]byte(`{"p":{"api_keys":["${GONE}"],"models":{"m":{"api_keys":["${A}"]},"n":{"api_key":"${B}"}}}}`), o)
	require.NoError(t, err)
	require.Len(t, configs[0].Models, 2, "a key of its own replaces those that are not known")
}
