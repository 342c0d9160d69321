package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A variable that is nearly one of the library is told once; the library's own
// and those of other programs, also if they begin with one, are not.
func TestMisspeltVariablesAreTold(t *testing.T) {
	environment := []string{"LLMAGG_CONFG=x", "LLMAGG_MODEL=x", "LLMAGG_CONF=x", "LLMAGG_SERVE=x", "LLMAG_PRICES=x",
		"LLMAGG_CONFIG_PATH=x", "LLMAGG_CONFIG_FILE=x", "LLMAGG_MODELS_DIR=x", "LLMAGG_TOP_K=x",
		"LLMAGG_MODELS=x", "LLMAGG_LIBRARY=x", "LLMAGG_=x", "LLMAGG=x", "LLMAGG_TOOLS=x", "MODELS=x", "=x", ""}
	require.Equal(t, []Misspelt{{"LLMAGG_CONFG", "LLMAGG_CONFIG"}, {"LLMAGG_MODEL", "LLMAGG_MODELS"}, {"LLMAGG_CONF", "LLMAGG_CONFIG"},
		{"LLMAGG_SERVE", "LLMAGG_SERVE_KEY"}, {"LLMAG_PRICES", "LLMAGG_PRICES"}}, MisspeltIn(environment))
	var told []string
	o := Options{Environment: func() []string { return environment[:2] }, Warn: func(message string) { told = append(told, message) }}
	for range 2 {
		_, err := Parse([]byte(`{"p": {"models": {"m": {}}}}`), o)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"nothing reads the environment variable LLMAGG_CONFG; did you mean LLMAGG_CONFIG?",
		"nothing reads the environment variable LLMAGG_MODEL; did you mean LLMAGG_MODELS?"}, told)
}
