package client

import (
	"errors"
	"testing"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// A function that refuses or panics fails the attempt, and opens no circuit:
// the route did answer.
func TestAFunctionThatRefusesIsNoEvidenceAgainstItsRoute(t *testing.T) {
	w, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	require.NoError(t, err)
	defer w.Close()
	c, err := New(config.Model{Provider: "openai", Name: "m", APIKey: "k", BaseURL: w.BaseURL(), MaxRetries: 1}, Options{})
	require.NoError(t, err)
	defer c.Retire()
	for i := range 20 {
		r := &llm.Request{Messages: []llm.Message{{Role: "user", Content: "hi"}}}
		r.Stream = i%2 == 1
		r.Options.Accepts = func(answer *llm.Response) error {
			if i%4 > 1 {
				panic("a fault in the application")
			}
			return errors.New("not good enough: " + answer.Text())
		}
		_, err := c.Chat(t.Context(), r)
		require.Error(t, err)
		require.True(t, c.Usable(), i)
		if i%4 < 2 {
			require.ErrorContains(t, err, "the application refused the answer: not good enough: Hello from m.")
		}
		require.NotEmpty(t, llm.AsError(err).Attempts)
	}
}
