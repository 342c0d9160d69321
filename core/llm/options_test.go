package llm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCallOptions(t *testing.T) {
	o, err := ParseCallOptions([]byte(`{"max_retries":0,"deadline":2.5,"timeout":1,"on_interrupt":"restart","hedge_after":0.5,"failover_bad_request":false,"failover_content_filter":true,"window":0,"headers":{"a":"b"}}`))
	require.NoError(t, err)
	require.Equal(t, CallOptions{MaxRetries: 1, Deadline: 2500 * time.Millisecond, Timeout: time.Second, OnInterrupt: InterruptRestart,
		HedgeAfter: 500 * time.Millisecond, StopOnBadRequest: true, FailoverOnContentFilter: true, Decided: DecideBadRequest | DecideContentFilter, Window: -1, Headers: map[string]string{"a": "b"}}, o)
	for _, text := range []string{"", "null", "{}", `{"deadline":null}`} {
		o, err := ParseCallOptions([]byte(text))
		require.NoError(t, err)
		require.Equal(t, CallOptions{}, o)
	}
	for text, says := range map[string]string{
		`{"deadline":-1}`:                `"deadline" is -1; expected seconds`,
		`{"dedline":1}`:                  `unknown call option "dedline"; did you mean "deadline"?`,
		`{"on_interrupt":"stop"}`:        `"on_interrupt" is "stop"; expected "error" or "restart"`,
		`{"max_retries":"3"}`:            `"max_retries" is "3"; expected an integer`,
		`{"bare":1}`:                     `option "bare" is 1`,
		`{"headers":{"a":"b\n"}}`:        `header a has the control character 0x0a`,
		`[1]`:                            `the call options are not valid JSON`,
		`{"openai":{"models":{"a":{}}}}`: `option "openai" is a provider of a configuration; pass`,
		`{"openai":{"modles":{}}}`:       `unknown call option "openai"; server-specific`,
	} {
		_, err := ParseCallOptions([]byte(text))
		require.Equal(t, InvalidArgument, CodeOfError(err), text)
		require.ErrorContains(t, err, says)
	}
}

// Options set in Go are checked with the request that carries them.
func TestOptionsOfARequestAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		o    CallOptions
		says string
	}{
		"deadline":  {CallOptions{Deadline: -time.Second}, `"deadline" is -1s`},
		"timeout":   {CallOptions{Timeout: -1}, `"timeout" is -1ns`},
		"hedge":     {CallOptions{HedgeAfter: -1}, `"hedge_after" is -1ns`},
		"retries":   {CallOptions{MaxRetries: -1}, `"max_retries" is -1`},
		"interrupt": {CallOptions{OnInterrupt: "stop"}, `"on_interrupt" is "stop"`},
		"names":     {CallOptions{BudgetNames: []string{"team"}}, `names "team"`},
		"no budget": {CallOptions{Budgets: []*Budget{nil}}, "CallOptions.Budgets[0] is nil"},
		"a zero":    {CallOptions{Budgets: []*Budget{{}}}, "not made by NewBudget"},
		"a cache":   {CallOptions{CacheLimits: &CacheLimits{}}, "CallOptions.CacheLimits is set"},
		"header":    {CallOptions{Headers: map[string]string{"a": "b\r\nc: d"}}, "header a has the control character 0x0d"},
	} {
		t.Run(name, func(t *testing.T) {
			r := Request{Messages: []Message{{Role: RoleUser, Content: "x"}}, Options: c.o}
			_, err := r.Payload()
			require.Equal(t, InvalidArgument, CodeOfError(err), "%v", err)
			require.ErrorContains(t, err, c.says)
		})
	}
}

// What a caller in Go writes into ExtraBody may be no JSON at all.
func TestExtraBodyOfVectorsIsChecked(t *testing.T) {
	_, err := ParseEmbedding([]byte(`{"model":"m","input":"x"}`), CallOptions{ExtraBody: Extra{"a": {}}})
	require.ErrorContains(t, err, "not valid JSON")
}
