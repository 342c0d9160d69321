package llm

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUsageIsKnownAsFarAsItIsTold(t *testing.T) {
	const whole = `{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}`
	for given, want := range map[string]string{
		`null`: `null`, `{}`: `null`, `7`: `null`, `[]`: `null`, `"x"`: `null`,
		`{"prompt_tokens":null,"total_tokens":null,"x":null}`:            `null`,
		`{"prompt_tokens":-1}`:                                           `null`,
		`{"prompt_tokens":9,"completion_tokens":2}`:                      whole,
		`{"prompt_tokens":9,"total_tokens":11}`:                          whole,
		`{"completion_tokens":2,"total_tokens":11}`:                      whole,
		`{"prompt_tokens":"9","completion_tokens":2.0}`:                  whole,
		`{"prompt_tokens":9}`:                                            `{"prompt_tokens":9,"completion_tokens":null,"total_tokens":null}`,
		`{"total_tokens":11}`:                                            `{"prompt_tokens":null,"completion_tokens":null,"total_tokens":11}`,
		`{"cost":0.5}`:                                                   `{"prompt_tokens":null,"completion_tokens":null,"total_tokens":null,"cost":0.5}`,
		`{"input_tokens":9,"output_tokens":2}`:                           `{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"input_tokens":9,"output_tokens":2}`,
		`{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`:     `null`,
		`{"total_tokens":0,"prompt_tokens_details":{"cached_tokens":0}}`: `null`,
		`{"prompt_tokens":0,"completion_tokens":0,"cost":0.5}`:           `{"prompt_tokens":null,"completion_tokens":null,"total_tokens":null,"cost":0.5}`,
		`{"prompt_tokens":9,"completion_tokens":0,"total_tokens":9}`:     `{"prompt_tokens":9,"completion_tokens":0,"total_tokens":9}`,
	} {
		var r Response
		require.NoError(t, r.UnmarshalJSON([]byte(`{"usage":`+given+`}`)))
		got, err := json.Marshal(r.Usage)
		require.NoError(t, err)
		require.JSONEq(t, want, string(got), given)

		var c Chunk
		require.NoError(t, c.UnmarshalJSON([]byte(`{"usage":`+given+`}`)))
		require.Equal(t, r.Usage, c.Usage, "a chunk says the same: %s", given)
	}
}

func TestUsageIsFoundElsewhere(t *testing.T) {
	for _, in := range []string{
		`{"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"total_tokens":11}}]}`,
		`{"choices":[{"index":0,"usage":null},{"index":1,"usage":{"total_tokens":11}}],"usage":null}`,
		`{"choices":[],"x_groq":{"id":"req","usage":{"queue_time":0.1,"total_tokens":11}}}`,
		`{"x_groq":{"usage":{"total_tokens":11}},"usage":{}}`,
	} {
		var r Response
		require.NoError(t, r.UnmarshalJSON([]byte(in)))
		require.NotNil(t, r.Usage, in)
		require.Equal(t, 11, r.Usage.TotalTokens, in)
		prompt, _, total := r.Usage.Counts()
		require.True(t, total && !prompt)

		var d ChunkDecoder
		for range 2 {
			c, err := d.Decode([]byte(in))
			require.NoError(t, err)
			require.NotNil(t, c.Usage, in)
			require.Equal(t, 11, c.Usage.TotalTokens, in)
		}
	}
	var r Response
	require.NoError(t, r.UnmarshalJSON([]byte(`{"x_groq":{"usage":[1]},"choices":[{"usage":"x"}]}`)))
	require.Nil(t, r.Usage)
}
