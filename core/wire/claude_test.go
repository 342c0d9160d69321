package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The generation of a model is read out of its name.
func TestClaudesGeneration(t *testing.T) {
	for name, want := range map[string]Claude{
		"claude-3-5-haiku-20241022": {true, 3, 5}, "claude-opus-4-20250514": {true, 4, 0}, "claude-opus-4-1": {true, 4, 1}, "claude-sonnet-4.5": {true, 4, 5},
		"anthropic/claude-opus-5": {true, 5, 0}, "claude-3-opus@20240229": {true, 3, 0}, "us.anthropic.claude-sonnet-4-5-20250929-v1:0": {true, 4, 5},
		"claude-instant-1.2": {true, 1, 2}, "claude-latest": {}, "deepseek-v3-1": {}, "": {},
	} {
		require.Equal(t, want, ClaudeOf(name), name)
	}
}
