package llm

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever is wrong with the value of an option, the error begins with the
// option's name and shows a value that can be used.
func TestErrorsOfOptionsNameTheOption(t *testing.T) {
	for i := range callSettings {
		name := callSettings[i].Name
		refused := 0
		for _, value := range []string{`-1`, `0.5`, `"no such word"`, `true`, `[{}]`, `[""]`, `{"": ""}`, `{"a b": "x"}`, `{"X-A": "\n"}`, `{"X-A": 1}`, `{"x-a": "1", "X-A": "2"}`, `{"a": 1, "a": 2}`,
			`{"model": "m"}`, `{"temperature": "hot"}`, `{"amount": -1}`, `{"amunt": 1}`, `["SERVER_EROR"]`, `[999]`, `[[]]`, `1e300`} {
			_, err := ParseCallOptions([]byte(`{"` + name + `":` + value + `}`))
			if err == nil {
				continue
			}
			refused++
			require.Equal(t, InvalidArgument, CodeOfError(err))
			require.Regexp(t, `^INVALID_ARGUMENT: option "`+name+`"`, err.Error(), "%s: %s", name, value)
			if _, expected, told := strings.Cut(err.Error(), "; expected "); told && !strings.Contains(err.Error(), ": field ") { // with an example; fields of a request have a type
				require.Regexp(t, `such as |^true or false|^"|at least \d|, or \{`, expected, "%s: %s", name, value)
			}
		}
		require.Positive(t, refused, name)
	}
	_, _, _, err := ParseAggregatorOptions([]byte(`{"models": [""]}`))
	require.ErrorContains(t, err, `option "models": models[0] is empty`)
	_, _, _, err = ParseAggregatorOptions([]byte(`{"models": "a"}`))
	require.ErrorContains(t, err, `option "models" is a string`)
	_, _, _, err = ParseAggregatorOptions([]byte(`{"cache": {"size": 0}}`))
	require.ErrorContains(t, err, `option "cache"`)
}

// So do those of options that are set in Go.
func TestErrorsOfOptionsInGoNameTheOption(t *testing.T) {
	for name, o := range map[string]CallOptions{
		"deadline": {Deadline: -time.Second}, "timeout": {Timeout: -1}, "hedge_after": {HedgeAfter: -1}, "max_retries": {MaxRetries: -1}, "on_interrupt": {OnInterrupt: "x"},
		"unsupported": {Unsupported: "x"}, "failover_on": {Rules: &Rules{Failover: []string{""}}}, "retry_on": {Rules: &Rules{Retry: []string{"204"}}}, "max_cost": {MaxCost: &MaxCost{Amount: -1}},
		"accept": {Accept: "x"}, "strategy": {Strategy: "x"}, "cache": {Cache: "x"}, "extra_body": {ExtraBody: Extra{"model": json.RawMessage(`"m"`)}}, "headers": {Headers: map[string]string{"": "x"}},
	} {
		_, err := (&Request{Messages: []Message{{Role: RoleUser, Content: "hi"}}, Options: o}).Payload()
		require.ErrorContains(t, err, `option "`+name+`"`)
	}
}
