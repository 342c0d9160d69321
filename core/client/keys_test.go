package client

import (
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/config"
	"github.com/stretchr/testify/require"
)

func TestATrailShowsFourCharactersOfAKeyAtMost(t *testing.T) {
	for key, shown := range map[string]string{
		"sk-proj-0123456789abcdef": "…cdef", "0123456789abcdef": "…cdef", "0123456789ab": "…9ab", "short": "…t", "key": "…",
	} {
		require.Equal(t, shown, shownKey(key))
	}
}

func TestEveryKeyOfARouteIsASecret(t *testing.T) {
	keys := []string{"sk-proj-0123456789abcdef", "sk-proj-fedcba9876543210"}
	c, err := New(config.Model{Provider: "openai", Name: "m", APIKeys: keys}, Options{})
	require.NoError(t, err)
	defer c.Retire()
	secrets := strings.Join(c.secrets(), " ")
	for _, key := range keys {
		require.Contains(t, secrets, key)
	}
}
