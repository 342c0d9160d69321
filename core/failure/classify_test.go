package failure

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// Every form in which servers say what went wrong gives a message (T4).
func TestErrorBodiesGiveAMessage(t *testing.T) {
	for name, c := range map[string]struct {
		body, message, kind, code string
	}{
		"OpenAI":             {`{"error":{"message":"Bad","type":"invalid_request_error","param":null,"code":"bad_thing"}}`, "Bad", "invalid_request_error", "bad_thing"},
		"code null":          {`{"error":{"message":"Bad","type":"server_error","code":null}}`, "Bad", "server_error", ""},
		"numeric code":       {`{"error":{"message":"Bad","code":400}}`, "Bad", "", "400"},
		"Gemini":             {`{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}}`, "Bad", "INVALID_ARGUMENT", "400"},
		"array around":       {`[{"error":{"code":503,"message":"Bad","status":"UNAVAILABLE"}}]`, "Bad", "UNAVAILABLE", "503"},
		"text":               {`{"error":"Bad"}`, "Bad", "", ""},
		"detail":             {`{"detail":"Bad"}`, "Bad", "", ""},
		"FastAPI":            {`{"detail":[{"loc":["body","messages"],"msg":"field required","type":"value_error.missing"}]}`, "field required (field: body.messages)", "value_error.missing", ""},
		"detail object":      {`{"detail":{"message":"Bad","code":"x"}}`, "Bad", "", "x"},
		"message":            {`{"message":"Bad","code":"x"}`, "Bad", "", "x"},
		"message in object":  {`{"object":"error","message":"Bad","type":"BadRequestError","param":null,"code":400}`, "Bad", "BadRequestError", "400"},
		"problem+json":       {`{"type":"https://e/x","title":"Bad","status":400,"detail":"Very bad"}`, "Bad: Very bad", "https://e/x", ""},
		"title alone":        {`{"title":"Bad","status":400}`, "Bad", "", ""},
		"error in an error":  {`{"error":{"error":{"message":"Bad"}}}`, "Bad", "", ""},
		"error null":         {`{"error":null,"message":"Bad"}`, "Bad", "", ""},
		"JSON string":        {`"Bad"`, "Bad", "", ""},
		"array of texts":     {`["Bad","worse"]`, "Bad; worse", "", ""},
		"plain text":         {"  upstream connect\n\n error ", "upstream connect error", "", ""},
		"HTML":               {"<!DOCTYPE html><html><head><title>502 Bad Gateway</title><style>p{x:y}</style></head><body><h1>Sorry</h1><script>var a</script><p>try &amp; again</p></body></html>", "502 Bad Gateway Sorry try & again", "", ""},
		"XML":                {"<Error><Code>AccessDenied</Code><Message>No</Message></Error>", "AccessDenied: No", "", "AccessDenied"},
		"unknown JSON":       {`{"oops":1}`, `{"oops":1}`, "", ""},
		"cut JSON":           {`{"error":{"mess`, `{"error":{"mess`, "", ""},
		"trailing":           {`{"error":"Bad"}trailing`, `{"error":"Bad"}trailing`, "", ""},
		"not UTF-8":          {"caf\xe9", "caf\uFFFD", "", ""},
		"nothing":            {"", "the provider sent no message", "", ""},
		"blanks":             {" \r\n ", "the provider sent no message", "", ""},
		"empty object":       {"{}", "{}", "", ""},
		"message of another": {`{"error":{"message":{"text":1}}}`, `{"error":{"message":{"text":1}}}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := Classify(400, nil, []byte(c.body))
			require.Equal(t, "HTTP 400: "+c.message, e.Message)
			require.Equal(t, c.kind, e.Type)
			require.Equal(t, c.code, e.ProviderCode)
			require.Equal(t, strings.ToValidUTF8(c.body, "\uFFFD"), e.Body, "the original is kept")
			require.Equal(t, 400, e.Status)
		})
	}
}

func TestDeepAndLongErrorBodiesAreCut(t *testing.T) {
	e := Classify(500, nil, []byte(strings.Repeat(`{"error":`, 5000)+`"x"`+strings.Repeat("}", 5000)))
	require.Equal(t, llm.Unavailable, e.Code)
	require.LessOrEqual(t, len(e.Message), MaxMessage+32)
	e = Classify(500, nil, []byte(strings.Repeat("Ärger ", 100_000)))
	require.LessOrEqual(t, len(e.Message), MaxMessage+32)
	require.LessOrEqual(t, len(e.Body), maxBody+8)
	require.True(t, utf8.ValidString(e.Message) && utf8.ValidString(e.Body))
	require.True(t, strings.HasSuffix(e.Message, "…"))
}

// The column "comes from" of the error table.
func TestErrorCodes(t *testing.T) {
	message := func(text string) string { return `{"error":{"message":"` + text + `"}}` }
	code := func(text string) string { return `{"error":{"message":"m","code":"` + text + `"}}` }
	kind := func(text string) string { return `{"error":{"message":"m","type":"` + text + `"}}` }
	for _, c := range []struct {
		name, body string
		status     int
		want       llm.Code
	}{
		{"401", "", 401, llm.Authentication},
		{"403 about the key", message("Your key has no permission"), 403, llm.Authentication},
		{"403 of a country", message("Country not supported"), 403, llm.BadRequest},
		{"403 moderation", message("Your input was flagged"), 403, llm.ContentFilter},
		{"402", message("Insufficient Balance"), 402, llm.Quota},
		{"404", "", 404, llm.ModelNotFound},
		{"404 of a path", "<html>Not Found</html>", 404, llm.ModelNotFound},
		{"408", "", 408, llm.Unavailable},
		{"409", "", 409, llm.Unavailable},
		{"413", "", 413, llm.BadRequest},
		{"422", "", 422, llm.BadRequest},
		{"429", "", 429, llm.RateLimit},
		{"500", "", 500, llm.Unavailable},
		{"503", "", 503, llm.Unavailable},
		{"529", kind("overloaded_error"), 529, llm.Unavailable},
		{"OpenAI quota", code("insufficient_quota"), 429, llm.Quota},
		{"OpenAI quota as type", kind("insufficient_quota"), 429, llm.Quota},
		{"OpenAI rate", code("rate_limit_exceeded"), 429, llm.RateLimit},
		{"OpenAI key", code("invalid_api_key"), 401, llm.Authentication},
		{"OpenAI context", code("context_length_exceeded"), 400, llm.ContextLength},
		{"context in words", message("This model's maximum context length is 8192 tokens"), 400, llm.ContextLength},
		{"llama.cpp context", `{"error":{"code":400,"message":"request (8020 tokens) exceeds the available context size (2048 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":8020,"n_ctx":2048}}`, 400, llm.ContextLength},
		{"context size in words", message("the request exceeds the available context size"), 400, llm.ContextLength},
		{"context at 413", message("prompt is too long: 210000 tokens"), 413, llm.ContextLength},
		{"Gemini context", message("The input token count (1200000) exceeds the maximum number of tokens allowed"), 400, llm.ContextLength},
		{"OpenAI filter", code("content_filter"), 400, llm.ContentFilter},
		{"Azure filter", `{"error":{"message":"m","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}`, 400, llm.ContentFilter},
		{"DeepSeek filter", message("Content Exists Risk"), 400, llm.ContentFilter},
		{"OpenAI model", code("model_not_found"), 404, llm.ModelNotFound},
		{"DeepSeek model", message("Model Not Exist"), 400, llm.ModelNotFound},
		{"model in words", message("The model `x` does not exist"), 400, llm.ModelNotFound},
		{"Gemini model", message("models/x is not found for API version v1beta"), 404, llm.ModelNotFound},
		{"Gemini key", `{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}`, 400, llm.Authentication},
		{"Gemini rate", `{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}`, 429, llm.RateLimit},
		{"other 4xx", message("temperature is too high"), 400, llm.BadRequest},
		{"400 of a parameter that a model lacks", message("logprobs is not supported with this model"), 400, llm.BadRequest},
		{"400 of a parameter of a model", message("invalid model parameter: temperature must be below 2"), 400, llm.BadRequest},
		{"a page of a proxy about a model", "<html>model does not exist</html>", 502, llm.Unavailable},
		{"in a stream: named", kind("rate_limit_error"), 0, llm.RateLimit},
		{"in a stream: number", `{"error":{"code":429,"message":"m"}}`, 0, llm.RateLimit},
		{"in a stream: number of a 5xx", `{"error":{"code":502,"message":"m"}}`, 0, llm.Unavailable},
		{"in a stream: overloaded", kind("overloaded_error"), 0, llm.Unavailable},
		{"in a stream: context", message("maximum context length"), 0, llm.ContextLength},
		{"in a stream: anything", message("oops"), 0, llm.Unavailable},
		{"in a 200", kind("server_error"), 200, llm.Unavailable},
		{"in a 200: key", code("invalid_api_key"), 200, llm.Authentication},
		{"redirect", "", 307, llm.BadResponse},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := Classify(c.status, nil, []byte(c.body))
			require.Equal(t, c.want, e.Code, e.Message)
			require.NotEmpty(t, e.Message)
		})
	}
}

func TestErrorHeaders(t *testing.T) {
	h := http.Header{}
	h.Set("x-request-id", "req-1")
	h.Set("X-Should-Retry", "True")
	h.Set("Retry-After", "2")
	e := Classify(503, h, nil)
	require.Equal(t, "req-1", e.RequestID)
	require.True(t, *e.ShouldRetry)
	require.Equal(t, 2*time.Second, e.RetryAfter)
	h.Set("X-Should-Retry", "perhaps")
	require.Nil(t, Classify(503, h, nil).ShouldRetry)

	h = http.Header{"Location": {"https://elsewhere.example/path?key=1"}}
	require.Contains(t, Classify(302, h, nil).Message, `"elsewhere.example"`)
	require.NotContains(t, Classify(302, h, nil).Message, "path")
}

func TestGeminiRetryInfoNamesAWait(t *testing.T) {
	body := func(delay string) []byte {
		return []byte(`{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[` +
			`{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[]},` +
			`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":` + delay + `}]}}`)
	}
	for delay, want := range map[string]time.Duration{`"31s"`: 31 * time.Second, `"0.25s"`: 250 * time.Millisecond, `"0s"`: 0, `"86400s"`: breaker.MaxRetryAfter} {
		e := Classify(429, nil, body(delay))
		require.True(t, e.HasRetryAfter, delay)
		require.Equal(t, want, min(e.RetryAfter, breaker.MaxRetryAfter), delay)
	}
	for _, delay := range []string{`"31"`, `"-3s"`, `"NaNs"`, `"soon"`, `31`, `null`, `{}`} {
		require.False(t, Classify(429, nil, body(delay)).HasRetryAfter, delay)
	}
	e := Classify(429, http.Header{"Retry-After": {"5"}}, body(`"31s"`))
	require.Equal(t, 5*time.Second, e.RetryAfter, "the header comes first")
	require.Equal(t, 31*time.Second, Classify(0, nil, body(`"31s"`)).RetryAfter, "inside a stream too")
}

// A limit of a day is spent, unless the server names a wait.
func TestALimitOfADayWithAWait(t *testing.T) {
	day := []byte(`{"message":"Limit: 1000 requests per day."}`)
	require.Equal(t, llm.Quota, Classify(429, nil, day).Code)
	require.Equal(t, llm.Quota, Classify(429, http.Header{"Retry-After": {"0"}}, day).Code)
	require.Equal(t, llm.RateLimit, Classify(429, http.Header{"Retry-After": {"30"}}, day).Code)
}
