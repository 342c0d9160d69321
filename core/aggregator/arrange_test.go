package aggregator_test

import (
	"context"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/provider"
	"github.com/stretchr/testify/require"
)

// overInstant is an aggregator over custom routes that answer at once.
func overInstant(t testing.TB, o aggregator.Options, models ...config.Model) *aggregator.Aggregator {
	p, err := provider.NewCustom(config.Provider{Name: "mine", Models: models}, instant{}, provider.Options{})
	require.NoError(t, err)
	m := manager.New(manager.Options{})
	require.NoError(t, p.Initialize(t.Context()))
	require.NoError(t, m.Register(p))
	a := aggregator.New(m, o)
	t.Cleanup(func() { require.NoError(t, a.Close(context.Background())) })
	return a
}

func modelsNamed(names ...string) (models []config.Model) {
	for _, name := range names {
		models = append(models, config.Model{Provider: "mine", Name: name})
	}
	return models
}

// firstAsked is the route that a call asked first.
func firstAsked(t *testing.T, a *aggregator.Aggregator) string {
	r, err := a.Chat(t.Context(), ask())
	require.NoError(t, err)
	return r.Attempts[0].Model
}

func TestAFunctionChoosesTheOrder(t *testing.T) {
	var order []int
	a := overInstant(t, aggregator.Options{Order: func(_ context.Context, routes []*client.Client, p *llm.Payload) []int {
		require.Len(t, routes, 3)
		require.NotNil(t, p)
		return order
	}}, modelsNamed("a", "b", "c")...)
	require.Equal(t, "a", firstAsked(t, a), "what the function leaves out follows")
	order = []int{2, 2, 0}
	require.Equal(t, "c", firstAsked(t, a))
	order = []int{3}
	_, err := a.Chat(t.Context(), ask())
	require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
	require.ErrorContains(t, err, "place 3; expected 0 to 2")
}

func TestAPanicOfTheFunctionIsAnInternalError(t *testing.T) {
	a := overInstant(t, aggregator.Options{Order: func(context.Context, []*client.Client, *llm.Payload) []int { panic("no idea") }}, modelsNamed("a", "b")...)
	_, err := a.Chat(t.Context(), ask())
	require.Equal(t, llm.Internal, llm.CodeOfError(err))
}

func TestGroupsOfNamesBecomeGroupsOfRoutes(t *testing.T) {
	a := overInstant(t, aggregator.Options{Models: []string{"a", "b", "c", "a"}, Groups: []int{2, 2}, Call: llm.CallOptions{Strategy: llm.StrategyWeighted}}, modelsNamed("c", "b", "a")...)
	seen := map[string]int{}
	for range 200 {
		seen[firstAsked(t, a)]++
	}
	require.Len(t, seen, 2)
	require.Greater(t, seen["a"], 50)
	require.Greater(t, seen["b"], 50)
}

// A default that no call could have is refused by all that would have it.
func TestWrongOptionsOfTheAggregatorAreRefused(t *testing.T) {
	for says, o := range map[string]llm.CallOptions{
		`did you mean "latency"?`:          {Strategy: "latancy"},
		`did you mean "restart"?`:          {OnInterrupt: "restrat"},
		`option "deadline" is -1s`:         {Deadline: -time.Second},
		`option "timeout" is -1s`:          {Timeout: -time.Second},
		`option "hedge_after" is -1s`:      {HedgeAfter: -time.Second},
		`option "max_retries" is -1`:       {MaxRetries: -1},
		`option "unsupported" is "adopt"`:  {Unsupported: "adopt"},
		`option "accept" is "nonempy"`:     {Accept: "nonempy"},
		`option "cache" is "always"`:       {Cache: "always"},
		`option "max_cost" is 0`:           {MaxCost: &llm.MaxCost{}},
		`in Go put the budget itself`:      {BudgetNames: []string{"team"}},
		`CallOptions.Budgets[0] is nil`:    {Budgets: []*llm.Budget{nil}},
		`or was not made by NewBudget`:     {Budgets: []*llm.Budget{{}}},
		`CallOptions.CacheLimits is set`:   {CacheLimits: &llm.CacheLimits{}},
		`header a has the control charact`: {Headers: map[string]string{"a": "\n"}},
	} {
		a := overInstant(t, aggregator.Options{Call: o}, modelsNamed("a", "b")...)
		_, chat := a.Chat(t.Context(), ask())
		_, stream := a.Stream(t.Context(), ask())
		_, embed := a.Embed(t.Context(), &llm.EmbeddingRequest{Input: []string{"a"}})
		_, rerank := a.Rerank(t.Context(), &llm.RerankRequest{Query: "a", Documents: []string{"b"}})
		for _, err := range []error{a.Initialize(t.Context(), nil), chat, stream, embed, rerank} {
			require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err), says)
			require.ErrorContains(t, err, says)
		}
	}
}

// Who uses no strategy pays nothing for those that exist.
func TestOrderAllocatesNothing(t *testing.T) {
	count := func(s llm.Strategy) float64 {
		a := overInstant(t, aggregator.Options{Call: llm.CallOptions{Strategy: s}}, modelsNamed("a", "b", "c")...)
		return testing.AllocsPerRun(200, func() { _, _ = a.Chat(context.Background(), ask()) })
	}
	require.LessOrEqual(t, count(llm.StrategyOrder), count(""))
}
