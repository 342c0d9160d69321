package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const oneModel = `"openai":{"models":{"a":{"api_key":"k"}}}`

func TestDefaultsOfBulkJobsStandBesideTheProviders(t *testing.T) {
	o := Options{Getenv: func(name string) (string, bool) { return "/data", name == "DIR" }, BlankIsUnset: true}
	configs, err := Parse([]byte(`{"bulk":{"max_cost":50,"ledger":"${DIR}/l.jsonl","errors":"rows","stop_after_errors":0.2,"batch_api":"auto"},`+oneModel+`,"q":{"models":{"b":{"base_url":"http://h"}}}}`), o)
	require.NoError(t, err)
	require.Len(t, configs, 2)
	for i := range configs {
		require.Equal(t, &Bulk{MaxCost: 50, Ledger: "/data/l.jsonl", Errors: "rows", StopAfterErrors: 0.2, BatchAPI: "auto"}, configs[i].Bulk)
	}
	configs, err = Parse([]byte(`{`+oneModel+`,"bulk":{"ledger":"","errors":null}}`), o)
	require.NoError(t, err)
	require.Equal(t, &Bulk{}, configs[0].Bulk, "what is not set")
	configs, err = Parse([]byte(`{`+oneModel+`,"bulk":null}`), o)
	require.NoError(t, err)
	require.Nil(t, configs[0].Bulk)
	configs, err = Parse([]byte(`{"bulk":{"models":{"a":{"base_url":"http://h"}}},"fleet":{"models":{"a":{"base_url":"http://h"}}}}`), o)
	require.NoError(t, err)
	require.Equal(t, []string{"bulk", "fleet"}, []string{configs[0].Name, configs[1].Name}, "providers of these names")
	require.Nil(t, configs[0].Bulk)
}

func TestMistakesInBulkAreErrors(t *testing.T) {
	for text, wanted := range map[string]string{
		`{"max_cost":1,"max_cost":2}`: `has the key "max_cost" twice`,
		`{"ledger":"${GONE}"}`:        `"ledger" refers to the environment variable GONE, which is not set`,
		`{"max_cost":1e300}`:          "at most",
		`{"max_cost":}`:               "not valid JSON",
		`{"colour":1}`:                `unknown key "colour"; the known ones are max_cost, ledger`,
		`5`:                           `must be an object with "max_cost" or "ledger", got a number`,
	} {
		_, err := Parse([]byte(`{`+oneModel+`,"bulk":`+text+`}`), Options{Lenient: true})
		require.ErrorContains(t, err, wanted, text)
	}
}
