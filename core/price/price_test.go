package price

import (
	"encoding/json"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

func p(n float64) *float64 { return &n }

func usage(t *testing.T, text string) *llm.Usage {
	var u llm.Usage
	require.NoError(t, json.Unmarshal([]byte(text), &u))
	return &u
}

func TestEachSortOfTokenHasItsPrice(t *testing.T) {
	all := Price{Rates: Rates{Input: p(2), Output: p(8), CachedInput: p(0.5), CacheWrite: p(2.5), CacheWrite1h: p(4), InputAudio: p(40), OutputAudio: p(80)}, Request: p(0.01)}
	u := usage(t, `{"prompt_tokens":1000,"completion_tokens":100,"prompt_tokens_details":{"cached_tokens":300,"cache_write_tokens":200,"cache_write_1h_tokens":50,"audio_tokens":100},"completion_tokens_details":{"audio_tokens":20,"reasoning_tokens":30}}`)
	want := (400*2 + 300*0.5 + 150*2.5 + 50*4 + 100*40 + 80*8 + 20*80.0) / 1e6
	c := all.Of(u, "")
	require.InDelta(t, want+0.01, c.Amount, 1e-12)
	require.Equal(t, "USD", c.Currency)
	require.Equal(t, llm.CostOfPrice, c.Source)

	few := Price{Rates: Rates{Input: p(2), Output: p(8)}, Per: 1000, Currency: "CNY"}
	require.Nil(t, few.Of(u, ""), "sound has no price: not known, not the price of text")
	u = usage(t, `{"prompt_tokens":1000,"completion_tokens":100,"prompt_tokens_details":{"cached_tokens":300,"cache_write_tokens":200}}`)
	c = few.Of(u, "")
	require.InDelta(t, 2.8, c.Amount, 1e-12, "without prices of their own, caches cost as the input")
	require.Equal(t, "CNY", c.Currency)
}

func TestACostThatIsNotKnownIsNil(t *testing.T) {
	price := Price{Rates: Rates{Input: p(2), Output: p(8)}}
	require.Nil(t, price.Of(nil, ""))
	require.Nil(t, price.Of(usage(t, `{"prompt_tokens":5}`), ""))
	require.Nil(t, (&Price{Rates: Rates{Input: p(2)}}).Of(usage(t, `{"prompt_tokens":5,"completion_tokens":1}`), ""))
	require.Nil(t, price.Of(usage(t, `{"prompt_tokens":0,"completion_tokens":0}`), ""), "a server that does not count")
	require.Zero(t, (&Price{Rates: Rates{Input: p(2)}}).Of(usage(t, `{"prompt_tokens":1,"completion_tokens":0}`), "").Amount-2e-6)
	require.Nil(t, (&Price{}).Of(usage(t, `{"prompt_tokens":5,"completion_tokens":1}`), ""))
	require.NotNil(t, (&Price{Request: p(1)}).Of(usage(t, `{"prompt_tokens":5}`), ""), "a price of the request needs no tokens")
}

// A 0 that the answer says is believed where the configuration has no price.
func TestAnAnswerSaysThatItIsFree(t *testing.T) {
	free := usage(t, `{"prompt_tokens":5,"completion_tokens":1,"cost":0}`)
	for _, price := range []Price{{}, {Rates: Rates{Input: p(2), Output: p(8)}, Date: "2026-11-01"}} {
		require.Equal(t, llm.Cost{Currency: "USD", Source: llm.CostOfProvider}, *price.Of(free, ""))
	}
}

func TestWhatTheAnswerSaysComesFirst(t *testing.T) {
	price := Price{Rates: Rates{Input: p(2), Output: p(8)}, Currency: "EUR"}
	for text, amount := range map[string]float64{`0.5`: 0.5, `1e-7`: 1e-7, `{"total_cost":0.25,"input_tokens_cost":0.1}`: 0.25} {
		c := price.Of(usage(t, `{"prompt_tokens":5,"completion_tokens":1,"cost":`+text+`}`), "")
		require.Equal(t, llm.Cost{Amount: amount, Currency: "USD", Source: llm.CostOfProvider}, *c)
	}
	for text, amount := range map[string]float64{
		`"cost_in_usd_ticks":37756000`:                                                          0.0037756, // xAI's
		`"estimated_cost":0.25`:                                                                 0.25,      // DeepInfra's
		`"cost":0.5,"cost_in_usd_ticks":1,"estimated_cost":2`:                                   0.5,
		`"cost":null,"estimated_cost":0.25`:                                                     0.25,
		`"cost":0.25,"is_byok":true,"cost_details":{"upstream_inference_cost":0.5}`:             0.75,
		`"cost":0,"is_byok":true,"cost_details":{"upstream_inference_cost":0.5}`:                0.5,
		`"cost":0.25,"is_byok":false,"cost_details":{"upstream_inference_cost":0.25}`:           0.25,
		`"cost":0.25,"is_byok":null,"cost_details":{"upstream_inference_cost":0.25,"more":[1]}`: 0.25,
	} {
		c := price.Of(usage(t, `{"prompt_tokens":5,"completion_tokens":1,`+text+`}`), "")
		require.Equal(t, llm.Cost{Amount: amount, Currency: "USD", Source: llm.CostOfProvider}, *c, text)
	}
	for _, text := range []string{
		`0.5,"is_byok":true,"cost_details":null`, `0.5,"is_byok":true,"cost_details":{"upstream_inference_cost":null}`,
		`0.5,"is_byok":true,"cost_details":{"upstream_inference_cost":0}`, `null,"cost_in_usd_ticks":"9"`, `null,"cost_in_usd_ticks":0`,
		`null`, `-1`, `"0.5"`, `{}`, `{"total_cost":null}`, `[1]`, `0.5,"is_byok":true`, `0`, `0.0`, `{"total_cost":0}`,
	} {
		require.Equal(t, llm.CostOfPrice, price.Of(usage(t, `{"prompt_tokens":5,"completion_tokens":1,"cost":`+text+`}`), "").Source, text)
	}
}
