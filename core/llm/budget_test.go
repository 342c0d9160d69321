package llm

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestManyCallsNeverPassAHardBudget(t *testing.T) {
	b, err := NewBudget("team", MaxCost{Amount: 10, Hard: true})
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range 100 {
				if b.Spent() != nil || b.Reserve(1) != nil {
					continue
				}
				r := b.Report()
				if r.Spent+r.Reserved > r.Amount {
					t.Errorf("%+v", r)
				}
				b.Settle(1, &Cost{Amount: 0.75, Currency: "USD"}, false)
			}
		})
	}
	all.Wait()
	r := b.Report()
	require.LessOrEqual(t, r.Spent, 10.0)
	require.Greater(t, r.Spent, 8.9)
	require.Zero(t, r.Reserved)
}

func TestWhatIsNotKnownCountsAsWhatItCouldCost(t *testing.T) {
	b, err := NewBudget("team", MaxCost{Amount: 10, Hard: true})
	require.NoError(t, err)
	require.Nil(t, b.Reserve(4))
	b.Settle(4, nil, true)
	require.Equal(t, BudgetReport{Amount: 10, Hard: true}, b.Report(), "a refusal is free")
	require.Nil(t, b.Reserve(4))
	b.Settle(4, nil, false)
	require.Equal(t, BudgetReport{Amount: 10, Hard: true, Spent: 4, Unknown: 1}, b.Report())
	b.Settle(0, &Cost{Amount: 1, Currency: "USD"}, false)
	b.Settle(0, &Cost{Amount: 3, Currency: "CNY"}, false)
	require.Equal(t, BudgetReport{Amount: 10, Hard: true, Spent: 5, Unknown: 2, Currency: "USD"}, b.Report(), "another currency is not added")
	refused := b.Reserve(5.5)
	require.Equal(t, Quota, refused.Code)
	require.Contains(t, refused.Message, `could cost 5.5, but the budget "team" has only 5 left`)
	require.NoError(t, b.Set(MaxCost{Amount: 4}))
	require.Contains(t, b.Spent().Message, `the budget "team" is spent: its calls have cost 5 of 4`)
	for _, limit := range []float64{0, -1, 1e300} {
		require.Equal(t, InvalidArgument, AsError(b.Set(MaxCost{Amount: limit})).Code)
	}
}

func TestBudgetsAreFoundByTheirNames(t *testing.T) {
	var s Budgets
	require.NoError(t, s.Set("team", []byte(`{"amount": 5, "hard": true}`)))
	require.NoError(t, s.Set("", []byte(`7`)))
	o, err := ParseCallOptions([]byte(`{"budgets": ["team"]}`))
	require.NoError(t, err)
	require.NoError(t, s.Resolve(&o))
	require.Len(t, o.Budgets, 2)
	require.NoError(t, s.Resolve(&o))
	require.Len(t, o.Budgets, 2, "each counts once")
	bare := CallOptions{Bare: true}
	require.NoError(t, s.Resolve(&bare))
	require.Empty(t, bare.Budgets)
	unknown := CallOptions{BudgetNames: []string{"taem"}}
	require.ErrorContains(t, s.Resolve(&unknown), `did you mean "team"?`)
	require.NoError(t, s.Set("", []byte("null")))
	require.Len(t, s.Reports(), 1)
	for _, limit := range []string{`0`, `-1`, `NaN`, `"5"`, `[]`, `{}`, `{"amount": "5"}`, `{"amount": 1, "hard": 1}`} {
		require.Equal(t, InvalidArgument, AsError(s.Set("x", []byte(limit))).Code, limit)
	}
}

// A call's max_cost is a budget of the call alone: what is under way counts,
// and so does what nobody tells, where it is hard.
func TestBoundCost(t *testing.T) {
	o := CallOptions{MaxCost: &MaxCost{Amount: 10, Hard: true}}
	o.BoundCost()
	require.Nil(t, o.MaxCost)
	require.Len(t, o.Budgets, 1)
	b := o.Budgets[0]
	require.True(t, b.OfCall())
	require.Nil(t, b.Reserve(6))
	require.Contains(t, b.Reserve(6).Message, "max_cost has only 4 left (0 spent, 6 reserved")
	b.Settle(6, nil, false)
	require.Contains(t, b.Reserve(6).Message, "max_cost has only 4 left (6 spent, 0 reserved")
	b.Settle(0, &Cost{Amount: 4}, false)
	require.Equal(t, "the call has cost 10, and its max_cost is 10", b.Spent().Message)

	o.BoundCost()
	require.Len(t, o.Budgets, 1)
}

// A message names the budget, unless its name may be a key.
func TestBudgetName(t *testing.T) {
	for name, shown := range map[string]string{
		"python-1": `the budget "python-1" is spent`, "tenant 42/eu": `the budget "tenant 42/eu" is spent`, "": "the budget of the process is spent",
		"sk-0123456789abcdefghij": "the budget of 23 bytes (it looks like a credential and is not shown) is spent",
	} {
		b, err := NewBudget(name, MaxCost{Amount: 1})
		require.NoError(t, err)
		b.Settle(0, &Cost{Amount: 1}, false)
		require.Contains(t, b.Spent().Message, shown)
	}
}
