package price

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/price/shipped"
	"github.com/stretchr/testify/require"
)

func TestATableHasDatedPrices(t *testing.T) {
	table, err := ReadTable([]byte(`{"z/m": {"input": -1}, "date": "2026-11-28", "openai/gpt-x": {"input": 2, "output": 8, "source": "a page"}, "openai/bad": 3,
		"openai/long": {"input": 2, "output": 8, "above": [{"input_tokens": 1000, "input": 4}]}, "openai/slip": {"input": 2, "abvoe": []}, "openai/down": {"input": 2, "above": [{"input_tokens": 5}, {"input_tokens": 4}]}, "openai/list": {"input": 2, "above": 3}}`), "the table")
	require.NoError(t, err)
	p, err := table.Of("openai", "gpt-x")
	require.NoError(t, err)
	c := p.Of(usage(t, `{"prompt_tokens":1000000,"completion_tokens":0}`), "")
	require.Equal(t, llm.Cost{Amount: 2, Currency: "USD", Source: llm.CostOfTable, Date: "2026-11-28"}, *c)
	p, err = table.Of("openai", "gpt-y")
	require.NoError(t, err)
	require.Equal(t, Price{}, p)
	_, err = table.Of("openai", "bad")
	require.ErrorContains(t, err, "the table: the price of openai/bad is 3; expected an object")
	_, err = table.Of("z", "m")
	require.ErrorContains(t, err, "the table: z/m: price.input is -1")
	p, err = table.Of("openai", "long")
	require.NoError(t, err)
	require.InDelta(t, (4004+8)/1e6, p.Of(usage(t, `{"prompt_tokens":1001,"completion_tokens":1}`), "").Amount, 1e-12)
	for model, want := range map[string]string{
		"slip": `the table: the price of openai/slip has the unknown key "abvoe"; did you mean "above"?`,
		"down": "the table: openai/down: price.above[1].input_tokens is 4; expected more than 5",
		"list": `the table: the price of openai/list is not valid: "price.above" is 3; expected a list of objects`,
	} {
		_, err = table.Of("openai", model)
		require.ErrorContains(t, err, want)
	}
	for _, text := range []string{``, `[]`, `{`, `{}`, `{"date": 3}`, `{"date": "yesterday"}`, `{"gpt-4o": {"input_cost_per_token": 1}}`} {
		_, err := ReadTable([]byte(text), "the table")
		require.Equal(t, llm.InvalidArgument, llm.AsError(err).Code, text)
	}
}

func TestAFileOfPricesIsReadAgainWhenItHasChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prices.json")
	getenv := func(name string) (string, bool) { return path, name == Variable }
	_, err := FromEnvironment(getenv)
	require.ErrorContains(t, err, "the file of LLMAGG_PRICES cannot be read")
	write := func(date string, at time.Time) *Table {
		require.NoError(t, os.WriteFile(path, []byte(`{"date": "`+date+`"}`), 0o600))
		require.NoError(t, os.Chtimes(path, at, at))
		table, err := FromEnvironment(getenv)
		require.NoError(t, err)
		require.Equal(t, date, table.date)
		return table
	}
	first := write("2026-11-01", time.Unix(1000, 0))
	again, err := FromEnvironment(getenv)
	require.NoError(t, err)
	require.Same(t, first, again)
	write("2026-11-02", time.Unix(2000, 0))
	none, err := FromEnvironment(func(string) (string, bool) { return "", false })
	require.NoError(t, err)
	require.Nil(t, none)
}

func TestTheShippedTableIsWhole(t *testing.T) {
	table, err := ReadTable(shipped.Prices, "the shipped table")
	require.NoError(t, err)
	fields, err := jsontext.FieldsOf(shipped.Prices)
	require.NoError(t, err)
	require.Greater(t, len(fields.List), 1000)
	vendors := map[string]bool{}
	for _, f := range fields.List {
		if f.Key == "date" || f.Key == "source" {
			continue
		}
		vendor, model, _ := strings.Cut(f.Key, "/")
		vendors[vendor] = true
		p, err := table.Of(vendor, model)
		require.NoError(t, err)
		require.NotNil(t, p.Input, f.Key)
		require.Less(t, *p.Input, 1000.0, f.Key)
	}
	for _, vendor := range []string{"openai", "anthropic", "gemini", "azure", "bedrock", "vertex", "vertex-anthropic", "together", "fireworks", "deepinfra", "novita", "nebius", "mistral", "groq", "xai", "cohere"} {
		require.True(t, vendors[vendor], "no price of %s", vendor)
	}
	p, err := table.Of("openai", "gpt-4o")
	require.NoError(t, err)
	require.Equal(t, 2.5, *p.Input)
	p, err = table.Of("gemini", "gemini-2.5-pro")
	require.NoError(t, err)
	for prompt, want := range map[int]float64{200000: (200000*1.25 + 1000*10) / 1e6, 200001: (200001*2.5 + 1000*15) / 1e6} {
		amount, known := p.Expected(prompt, 1000)
		require.True(t, known)
		require.InDelta(t, want, amount, 1e-12)
	}
	p, err = table.Of("bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0")
	require.NoError(t, err)
	_, known := p.Expected(200000, 1000)
	require.True(t, known)
	_, known = p.Expected(200001, 1000)
	require.False(t, known, "two sources differ")
}
