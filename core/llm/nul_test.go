package llm_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

// What is said of a NUL in an answer is no advice for the C program that gave
// the request.
func TestANulInAnAnswerIsNotTheCallers(t *testing.T) {
	const text = "{\x00\"id\": 1}"
	err := new(llm.Response).UnmarshalJSON([]byte(text))
	require.ErrorContains(t, err, "NUL")
	require.NotContains(t, err.Error(), "length")
	err = new(llm.Request).UnmarshalJSON([]byte(text))
	require.ErrorContains(t, err, "length")
}
