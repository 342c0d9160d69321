package failure

import (
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// What a proxy says counts behind a status that says nothing, and where nothing
// else tells more: an exact status, a code and a refused field do.
func TestSentencesOfProxiesYield(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   llm.Code
	}{
		{403, "error code: 1020", llm.BadRequest}, {403, "error code: 1010", llm.BadRequest}, {403, "error code: 1009", llm.BadRequest}, {403, "error code: 1006", llm.BadRequest},
		{403, `{"message":"No available server for your plan"}`, llm.BadRequest},
		{401, `{"error":{"message":"error code: 1004, login fail"}}`, llm.Authentication},
		{402, "Service temporarily unavailable: payment required", llm.Quota},
		{429, "The service is unavailable for your tier: requests per minute exceeded", llm.RateLimit}, {429, "upstream request timeout", llm.RateLimit},
		{400, `{"error":{"message":"Request timeout must be between 1 and 600"}}`, llm.BadRequest}, {400, "Request timeout must be between 1 and 600", llm.BadRequest},
		{400, `{"error":{"message":"Request timeout must be between 1 and 600","type":"invalid_request_error","param":"timeout"}}`, llm.BadRequest},
		{422, `{"detail":[{"loc":["body","timeout"],"msg":"Request timeout must be between 1 and 600"}]}`, llm.BadRequest},
		{400, `{"error":{"message":"Operation timed out while downloading the image https://x.example/a.png"}}`, llm.BadRequest},
		{400, `{"error":{"message":"dial tcp 10.0.0.1:80: connect: connection refused"}}`, llm.BadRequest},
		{200, `{"error":{"message":"Request timeout: 700","type":"invalid_request_error","param":"timeout"}}`, llm.BadRequest},
		{404, `{"error":{"message":"No available server","code":"model_not_found"}}`, llm.ModelNotFound},
		{404, "error code: 1015", llm.ModelNotFound}, {404, "jwt is expired", llm.ModelNotFound},
		{404, "error code: 1016", llm.Unavailable}, {404, `{"message":"no healthy upstream"}`, llm.Unavailable},
		{400, "operation timed out", llm.Unavailable}, {400, "Operation timed out after 3000 milliseconds", llm.Unavailable}, {400, "error code: 1033", llm.Unavailable},
		{400, "error code: 10330", llm.BadRequest},
	} {
		require.Equal(t, c.want, Classify(c.status, nil, []byte(c.body)).Code, "%d %s", c.status, c.body)
	}
}

// A name and words mean the same with every status of a refusal, or only where
// no status speaks of the request.
func TestNamesAndWordsOfOthers(t *testing.T) {
	for _, status := range []int{0, 400, 404, 429, 503} {
		require.Equal(t, llm.Unavailable, Classify(status, nil, []byte(`{"error":{"message":"litellm: no","type":"ServiceUnavailableError"}}`)).Code, status)
	}
	for status, want := range map[int]llm.Code{400: llm.BadRequest, 0: llm.RateLimit, 200: llm.RateLimit, 500: llm.RateLimit} {
		require.Equal(t, want, Classify(status, nil, []byte(`{"error":{"message":"Too many requests in the batch; at most 100"}}`)).Code, status)
	}
}

// A page with an element "code" is a page: its text stays.
func TestPagesAreNotXML(t *testing.T) {
	const page = `<div><h1>Access blocked</h1><p>Ask your admin.</p>Reference: <code>REF-77</code></div>`
	require.Equal(t, "HTTP 403: Access blocked Ask your admin. Reference: REF-77", Classify(403, nil, []byte(page)).Message)
	for _, body := range []string{page, "<p><code>429</code><message>m</message>", "<x><code>REF-77</code></x>"} {
		require.Nil(t, Of([]byte(body)), body)
	}
	for body, want := range map[string]string{
		"<Error><Code>SlowDown</Code><Details>once a second</Details></Error>": "SlowDown once a second",
		"<x><code>REF-77</code><message>no</message></x>":                      "REF-77: no",
		"<ExpiredToken/>": "ExpiredToken",
	} {
		e := Of([]byte(body))
		require.NotNil(t, e, body)
		require.Equal(t, want, e.Message, body)
	}
}
