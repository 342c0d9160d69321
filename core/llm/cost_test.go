package llm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTotalCost(t *testing.T) {
	cost := func(amount float64, currency, source string) *Cost {
		return &Cost{Amount: amount, Currency: currency, Source: source}
	}
	ok := Attempt{Cost: cost(2, "USD", CostOfPrice)}
	refused := Attempt{Code: Unavailable, Status: 500}
	silent := Attempt{Code: Timeout}
	broken := Attempt{Code: StreamInterrupted, Status: 200, FirstToken: 1}
	paid := Attempt{Code: StreamInterrupted, Status: 200, FirstToken: 1, Cost: cost(1, "USD", CostOfProvider)}
	euros := Attempt{Code: StreamInterrupted, Cost: cost(1, "EUR", CostOfPrice)}
	for name, c := range map[string]struct {
		attempts []Attempt
		want     *Cost
	}{
		"none":                         {nil, nil},
		"one":                          {[]Attempt{ok}, &Cost{2, "USD", CostOfPrice, 0, ""}},
		"a refusal is free":            {[]Attempt{refused, ok}, &Cost{2, "USD", CostOfPrice, 0, ""}},
		"a silent attempt may cost":    {[]Attempt{silent, broken, ok}, &Cost{2, "USD", CostOfPrice, 2, ""}},
		"a failed attempt counts":      {[]Attempt{paid, ok}, &Cost{3, "USD", CostMixed, 0, ""}},
		"two currencies are not added": {[]Attempt{ok, euros}, &Cost{2, "USD", CostOfPrice, 1, ""}},
		"an answer without a price":    {[]Attempt{paid, {}}, nil},
		"refusals only":                {[]Attempt{refused}, nil},
	} {
		require.Equal(t, c.want, TotalCost(c.attempts), name)
	}
	require.Equal(t, 2.0, ok.Cost.Amount, "the attempt's own stays")
}

// What a server answered may cost, also where the answer shows that it cannot
// do what the request asks for.
func TestUnsupportedIsFreeOnlyUnsent(t *testing.T) {
	require.True(t, (&Attempt{Code: Unsupported}).Free())
	require.True(t, (&Attempt{Code: Unsupported, Status: 400}).Free())
	require.False(t, (&Attempt{Code: Unsupported, Status: 200}).Free())
}
