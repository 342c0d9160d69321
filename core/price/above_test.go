package price

import (
	"fmt"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

func tiered(t *testing.T, above string) Price {
	price := Price{Rates: Rates{Input: p(1), Output: p(10), CachedInput: p(0.1)}}
	var err error
	price.Above, err = ReadTiers("price.above", []byte(above))
	require.NoError(t, err)
	require.NoError(t, price.Check("m"))
	return price
}

func TestALongPromptHasItsPriceForAllTokens(t *testing.T) {
	price := tiered(t, `[{"input_tokens":1000,"input":2,"output":20},{"input_tokens":2000,"cached_input":0.5},{"input_tokens":3000},{"input_tokens":4000,"input":1.5}]`)
	for prompt, want := range map[int]float64{
		999: 899*1 + 100*0.1 + 50*10, 1000: 900*1 + 100*0.1 + 50*10,
		1001: 901*2 + 100*0.1 + 50*20, 2000: 1900*2 + 100*0.1 + 50*20,
		2001: 1901*2 + 100*0.5 + 50*20, 4001: 3901*1.5 + 100*0.5 + 50*20,
	} {
		c := price.Of(usage(t, fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":100}}`, prompt)), "")
		require.InDelta(t, want/1e6, c.Amount, 1e-12, prompt)
	}
	for _, prompt := range []int{3001, 4000} {
		require.Nil(t, price.Of(usage(t, fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":50}`, prompt)), ""), "an entry without prices: not known")
	}
	_, known := price.Expected(3500, 1)
	require.False(t, known)
	short, _ := price.Expected(1000, 0)
	long, _ := price.Expected(1001, 0)
	require.InDelta(t, 1000/1e6, short, 1e-12)
	require.InDelta(t, 2002/1e6, long, 1e-12)
}

func TestTheMostThatARequestCostsIsABound(t *testing.T) {
	most := func(price Price, input, output int, hour bool) float64 {
		amount, known := price.Most(input, output, hour, "")
		require.True(t, known)
		return amount * 1e6
	}
	price := tiered(t, `[{"input_tokens":1000,"input":2,"output":20},{"input_tokens":2000,"input":0.5,"output":1}]`)
	require.InDelta(t, 1000+500, most(price, 1000, 50, false), 1e-9)
	require.InDelta(t, 3000+1000, most(price, 1500, 50, false), 1e-9)
	require.InDelta(t, 4000+1000, most(price, 5000, 50, false), 1e-9, "a shorter prompt may cost more, and sizes are estimates")
	price.CacheWrite, price.CacheWrite1h = p(3), p(4)
	require.InDelta(t, 3000+500, most(price, 1000, 50, false), 1e-9, "a cache may take all of it")
	require.InDelta(t, 4000+500, most(price, 1000, 50, true), 1e-9)
	price = tiered(t, `[{"input_tokens":1000}]`)
	_, known := price.Most(1001, 1, false, "")
	require.False(t, known)
	require.InDelta(t, 1000+10, most(price, 1000, 1, false), 1e-9)
	_, known = (&Price{}).Most(1, 1, false, "")
	require.False(t, known)
	require.InDelta(t, 1e6, most(Price{Request: p(1)}, 1, 1, false), 1e-9)
}

func TestMistakesInTiersAreTold(t *testing.T) {
	for text, want := range map[string]string{
		`3`:                      `"price.above" is 3; expected a list of objects, as in {"input": 1.25`,
		`{}`:                     `"price.above" is an object; expected a list`,
		`[3]`:                    `"price.above[0]" is 3; expected an object`,
		`[{}]`:                   `m: price.above[0].input_tokens is 0; expected a number of tokens greater than 0`,
		`[{"input_tokens":-5}]`:  `"price.above[0].input_tokens" is -5; expected an integer, at least 1`,
		`[{"input_tokens":1.5}]`: `"price.above[0].input_tokens" is 1.5; expected an integer`,
		`[{"input_tokens":5},{"input_tokens":5,"input":1}]`: `m: price.above[1].input_tokens is 5; expected more than 5, that of the entry before it`,
		`[{"input_tokens":9},{"input_tokens":5,"input":1}]`: `m: price.above[1].input_tokens is 5; expected more than 9`,
		`[{"input_tokens":9,"input":-1}]`:                   `"price.above[0].input" is -1; expected a number that is not negative`,
		`[{"input_tokens":9,"output":"dear"}]`:              `"price.above[0].output" is "dear"; expected a number`,
		`[{"input_tokens":9,"outptu":1}]`:                   `unknown key "outptu" in "price.above[0]"; did you mean "output"?`,
		`[{"tokens":9,"input":1}]`:                          `unknown key "tokens" in "price.above[0]"`,
		`[{"input_tokens":9,"currency":"EUR"}]`:             `the known ones are input_tokens, input, output,`,
		`[{"input_tokens":9,"input_tokens":10}]`:            `"price.above[0]" has the key "input_tokens" twice`,
	} {
		price := Price{Rates: Rates{Input: p(1)}}
		var err error
		if price.Above, err = ReadTiers("price.above", []byte(text)); err == nil {
			err = price.Check("m")
		}
		require.ErrorContains(t, err, want, text)
		require.Equal(t, llm.InvalidArgument, llm.AsError(err).Code)
	}
	alone := Price{Request: p(1), Above: []Tier{{InputTokens: 5, Rates: Rates{Input: p(1)}}}}
	require.ErrorContains(t, alone.Check("m"), `has "above" and no "input" or "output"`)
	negative := Price{Rates: Rates{Input: p(1)}, Above: []Tier{{InputTokens: 5, Rates: Rates{Output: p(-1)}}}}
	require.ErrorContains(t, negative.Check("m"), "m: price.above[0].output is -1")
	none, err := ReadTiers("price.above", []byte(`[]`))
	require.NoError(t, err)
	require.Empty(t, none)
}
