package failure

import (
	"strings"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// What a server behind a gateway says counts, also where the gateway puts its
// own words in front of it: the code, and the wait.
func TestErrorsBehindWords(t *testing.T) {
	e := Classify(500, nil, []byte(`{"error":{"message":"upstream said: {\"error\":{\"code\":\"invalid_api_key\",\"message\":\"no\"}}","type":"api_error"}}`))
	require.Equal(t, llm.Authentication, e.Code)
	require.Equal(t, "invalid_api_key", e.ProviderCode)
	require.Contains(t, e.Message, "upstream said: {")
	e = Classify(429, nil, []byte(`{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"{\"error\":{\"code\":429,\"message\":\"q\",`+
		`\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"27s\"}]}}","provider_name":"Google"}}}`))
	require.Equal(t, 27*time.Second, e.RetryAfter)
	// A request, or an answer, that is repeated is no failure of its own.
	require.Equal(t, llm.BadRequest, Classify(400, nil, []byte(`{"error":{"message":"bad JSON: {\"model\":\"m\",\"messages\":[]}"}}`)).Code)
	require.Nil(t, Of([]byte(`{"choices":[{"message":{"content":"x"}}],"message":"was: {\"error\":{\"code\":\"invalid_api_key\"}}"}`)))
}

// Words about money count where they speak of this account.
func TestWordsThatOnlyStandInAMessage(t *testing.T) {
	for body, code := range map[string]llm.Code{
		`{"message":"[{'type': 'missing', 'loc': ('body', 'messages', 0, 'role'), 'msg': 'Field required', 'input': {'content': 'My credit has run out, insufficient funds'}}]"}`: llm.BadRequest,
		`{"error":{"message":"tools[0].function.name: the index of 'check credit' is out of range"}}`:                                                                             llm.BadRequest,
		`{"error":{"message":"You are out of credit."}}`:                           llm.Quota,
		`{"error":{"message":"This account has run out of its prepaid credits."}}`: llm.Quota,
	} {
		require.Equal(t, code, Classify(400, nil, []byte(body)).Code, body)
	}
}

// TestExplainTakesAnyJSON explains failures by values in which anything stands
// anywhere.
func TestExplainTakesAnyJSON(t *testing.T) {
	for _, data := range []string{`null`, `[]`, `[null]`, `[[[]]]`, `{"a":null}`, `{"choices":[null]}`, `{"a":{"b":null,"c":[]}}`, `"x"`, `1`, ``, `{`, `{"a":[{"message":"boom"}]}`} {
		e := &llm.Error{Code: llm.Unavailable, Message: "it failed"}
		Explain(e, []byte(data))
		if said := strings.HasSuffix(e.Message, ": boom"); said != strings.Contains(data, "boom") {
			t.Errorf("%s: %q", data, e.Message)
		}
	}
}

// A piece of an answer that cannot be read is no note, whatever its event is
// called.
func TestNotesHoldNoChoices(t *testing.T) {
	require.True(t, IsNote("status", []byte(`{"message":"thinking"}`)))
	require.False(t, IsNote("piece", []byte(`{"candidates":[{"content":{"parts":[{"functionCall":{"name":5}}]}}]}`)))
	require.False(t, IsNote("status", []byte(`{"choices":[{"index":0,"delta":{"content":5}}]}`)))
}
