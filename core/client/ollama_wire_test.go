package client_test

import (
	"context"
	"testing"

	"github.com/llmagg/llmagg/core/config"
	"github.com/stretchr/testify/require"
)

// A line is a piece by itself: it is given before the next one has come.
func TestOllamaLineIsGivenAtOnce(t *testing.T) {
	w := wallWith(t, `[{"events":[{"text":"one"},{"hold":"second","text":" two"},{"text":"","finish_reason":"stop"}]}]`)
	c := route(t, w, func(cfg *config.Model) { cfg.Provider, cfg.BaseURL = "ollama", w.URL() })
	s, err := c.Stream(context.Background(), ask())
	require.NoError(t, err)
	_, err = s.Next()
	require.NoError(t, err)
	w.Release("second")
	r, err := s.Collect()
	require.NoError(t, err)
	require.Equal(t, "one two", r.Text())
}
