package llmagg_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg"
)

// Groups and budgets need no other package.
func TestGroupsAndABudget(t *testing.T) {
	wall := startWall(t, `{"default": {"steps": [{"usage": {"prompt_tokens": 1, "completion_tokens": 1}}]}}`)
	team, err := llmagg.NewBudget("team", llmagg.MaxCost{Amount: 7})
	require.NoError(t, err)
	a := over(t, wall, llmagg.WithGroups([]string{"b"}, []string{"a"}),
		llmagg.WithCallOptions(llmagg.CallOptions{Strategy: "weighted", Budgets: []*llmagg.Budget{team}}))
	for range 4 { // of 2 each; at random, both models would be asked
		r, err := a.Chat(t.Context(), &llmagg.Request{Messages: hi})
		require.NoError(t, err)
		require.Equal(t, "openai/b", r.Route())
	}
	_, err = a.Chat(t.Context(), &llmagg.Request{Messages: hi})
	require.ErrorContains(t, err, "the budget \"team\" is spent")
	_, err = llmagg.NewBudget("none", llmagg.MaxCost{})
	require.ErrorContains(t, err, "greater than 0")
}
