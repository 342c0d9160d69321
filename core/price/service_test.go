package price

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

// What an answer of another service tier costs is a multiple of the price, or
// not known: never the price of the usual one.
func TestServiceTiersHaveTheirOwnPrice(t *testing.T) {
	price := Price{Rates: Rates{Input: p(2), Output: p(10)}, Services: Services{"flex": 0.5, "priority": 2, "fast": 6, "us": 1.1}}
	const whole = (1000*2 + 100*10) / 1e6
	for _, c := range []struct {
		answer, usage string
		times         float64 // 0: not known
	}{
		{``, ``, 1},
		{`"service_tier":null`, ``, 1},
		{`"service_tier":"default"`, ``, 1},
		{`"service_tier":"auto"`, ``, 1},
		{`"service_tier":"on_demand"`, ``, 1},
		{`"service_tier":"flex"`, ``, 0.5},
		{`"service_tier":"Priority"`, ``, 2},
		{`"service_tier":"scale"`, ``, 0},
		{`"serviceTier":{"type":"flex"}`, ``, 0.5},
		{`"serviceTier":{"type":"reserved"}`, ``, 0},
		{`"serviceTier":{}`, ``, 1},
		{`"service_tier":5`, ``, 1},
		{``, `"service_tier":"standard"`, 1},
		{``, `"service_tier":"batch"`, 0.5},
		{``, `"service_tier":"standard","speed":"fast","inference_geo":"us"`, 6.6},
		{``, `"service_tier":"standard","speed":"standard","inference_geo":"not_available"`, 1},
		{``, `"trafficType":"ON_DEMAND"`, 1},
		{``, `"trafficType":"ON_DEMAND_FLEX"`, 0.5},
		{``, `"trafficType":"PROVISIONED_THROUGHPUT"`, 0},
	} {
		var answer llm.Extra
		require.NoError(t, llm.JSON.Unmarshal([]byte("{"+c.answer+"}"), &answer))
		more := ""
		if c.usage != "" {
			more = "," + c.usage
		}
		cost := price.Of(usage(t, `{"prompt_tokens":1000,"completion_tokens":100`+more+`}`), ServiceTier(answer))
		if c.times == 0 {
			require.Nil(t, cost, c)
			continue
		}
		require.NotNil(t, cost, c)
		require.InDelta(t, whole*c.times, cost.Amount, 1e-12, c)
	}
	most, known := price.Most(1000, 100, false, "priority")
	require.True(t, known)
	require.InDelta(t, 2*whole, most, 1e-12)
	most, known = price.Most(1000, 100, false, "flex")
	require.True(t, known)
	require.InDelta(t, whole, most, 1e-12, "the usual service may answer")
	_, known = price.Most(1000, 100, false, "scale")
	require.False(t, known)
	free := Price{Rates: Rates{Input: p(0), Output: p(0)}}
	require.Zero(t, free.Of(usage(t, `{"prompt_tokens":1000,"completion_tokens":100}`), "scale").Amount)
}

func TestServiceTiersAreRead(t *testing.T) {
	s, err := ReadServices("service_tiers", []byte(`{"Flex": 0.5, "batch": 0}`))
	require.NoError(t, err)
	require.Equal(t, Services{"flex": 0.5, "batch": 0}, s)
	for text, want := range map[string]string{
		`5`: "expected an object", `[]`: "expected an object", `{"flex": -1}`: "service_tiers.flex", `{"flex": "half"}`: "service_tiers.flex",
		`{"flex": {"input": 1}}`: "service_tiers.flex", `{"flex": 1, "flex": 2}`: "twice",
	} {
		_, err := ReadServices("service_tiers", []byte(text))
		require.ErrorContains(t, err, want, text)
	}
}
