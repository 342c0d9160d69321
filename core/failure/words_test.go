package failure

import (
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// A message that is but a status or a name for programs in words says as much
// as those do, where the real status says nothing.
func TestWordsInThePlaceOfACode(t *testing.T) {
	for text, want := range map[string]llm.Code{
		"unauthorized": llm.Authentication, "Forbidden": llm.Authentication, "401 Unauthorized": llm.Authentication, "HTTP 401": llm.Authentication,
		"HTTP/1.1 403 Forbidden": llm.Authentication, "Error 429: Too Many Requests": llm.RateLimit, "Unauthorized: missing token": llm.Authentication,
		"invalid token": llm.Authentication, "rate limited": llm.RateLimit, "Too Many Requests": llm.RateLimit, "quota exceeded.": llm.Quota,
		"insufficient_quota": llm.Quota, "Payment Required": llm.Quota, "Not Found": llm.ModelNotFound, "404 Not Found": llm.ModelNotFound,
		"model not found": llm.ModelNotFound, "context length exceeded": llm.ContextLength, "Bad Request": llm.BadRequest, "503 Service Unavailable": llm.Unavailable,
		"session not found": llm.Unavailable, "Forbidden fruit": llm.Unavailable, "404 rows": llm.Unavailable, "oops": llm.Unavailable, "4": llm.Unavailable,
	} {
		require.Equal(t, want, Classify(0, nil, []byte(`{"error":"`+text+`"}`)).Code, text)
		require.Equal(t, want, Classify(200, nil, []byte(`{"message":"`+text+`"}`)).Code, text)
		if want != llm.Unavailable {
			require.Equal(t, want, Classify(500, nil, []byte(`{"error":{"message":"`+text+`"}}`)).Code, text)
		}
		require.Equal(t, llm.Unavailable, Classify(502, nil, []byte(text)).Code, "a gateway's own page: %s", text)
	}
	for body, want := range map[string]llm.Code{
		`{"status":"error","message":"quota exceeded"}`: llm.Quota, `{"object":"error","message":"rate limited","code":7}`: llm.RateLimit,
		`{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}`: llm.Authentication,
		`{"error":{"message":"quota exceeded","type":"server_error"}}`:                 llm.Unavailable, // the name says more
	} {
		require.Equal(t, want, Of([]byte(body)).Code, body)
	}
	require.Equal(t, llm.RateLimit, Classify(429, nil, []byte(`{"error":"quota exceeded"}`)).Code, "the status says more")
}

// Words in the place of an answer may be what a model wrote: only clear ones
// are more than an answer that cannot be read.
func TestWordsInThePlaceOfAnAnswer(t *testing.T) {
	for text, want := range map[string]llm.Code{
		"": llm.BadResponse, "Hello": llm.BadResponse, "Our content policy forbids that.": llm.BadResponse, "unauthorized": llm.Authentication,
		"Rate limit exceeded": llm.RateLimit, "502 Bad Gateway": llm.Unavailable, "Service is overloaded": llm.BadResponse, "Bad Request": llm.BadResponse,
		"Once a rate limit was set for the number of stories that a machine may tell, and so this is a story about one of them.": llm.BadResponse,
	} {
		require.Equal(t, want, OfWords(text), text)
	}
}

// A page is the failure that its heading names, whatever words a web server has
// for the status; plain words have to be such words.
func TestPagesInThePlaceOfAnAnswer(t *testing.T) {
	for title, want := range map[string]llm.Code{
		"401 Authorization Required": llm.Authentication, "403 Forbidden": llm.Authentication, "HTTP Status 404 – Not Found": llm.ModelNotFound,
		"429 Too Many Requests": llm.RateLimit, "503 Service Temporarily Unavailable": llm.Unavailable, "Error 502": llm.Unavailable,
		"example.com | 522: Connection timed out": llm.Unavailable, "413 Request Entity Too Large": llm.BadRequest, "Too Many Requests": llm.RateLimit,
		"Welcome to nginx!": llm.BadResponse, "Sign in": llm.BadResponse, "4012 things": llm.BadResponse,
	} {
		require.Equal(t, want, OfText([]byte("\xef\xbb\xbf<html><head><title>"+title+"</title></head><body>401</body></html>")), title)
		require.Equal(t, want, OfText([]byte("<html><body><h1>"+title+"</h1></body></html>")), title)
	}
	for text, want := range map[string]llm.Code{
		"401 Authorization Required": llm.Authentication, "504 Gateway Time-out": llm.Unavailable, "404 page not found": llm.ModelNotFound,
		"error code: 502": llm.Unavailable, "401 Main Street": llm.BadResponse, "": llm.BadResponse,
	} {
		require.Equal(t, want, OfText([]byte(text)), text)
	}
}

// What proxies say of the server behind them is their status, whatever the one
// of the answer and however long the reason behind it.
func TestWordsOfProxies(t *testing.T) {
	for text, want := range map[string]llm.Code{
		"no healthy upstream": llm.Unavailable, "upstream request timeout": llm.Unavailable, "local_rate_limited": llm.RateLimit, "error code: 1015": llm.RateLimit,
		"error code: 1033": llm.Unavailable, "RBAC: access denied": llm.Authentication, "Jwt is expired": llm.Authentication, "default backend - 404": llm.ModelNotFound,
		"upstream connect error or disconnect/reset before headers. reset reason: connection failure, transport failure reason: delayed connect error: 111": llm.Unavailable,
	} {
		require.Equal(t, want, OfText([]byte(text+"\n")), text)
		require.Equal(t, want, Classify(0, nil, []byte(text)).Code, text)
		require.Equal(t, want, Classify(400, nil, []byte(text)).Code, text)
		require.Equal(t, want, Classify(500, nil, []byte(`{"error":{"message":"`+text+`"}}`)).Code, text)
	}
	require.Equal(t, llm.Unavailable, Classify(404, nil, []byte("no healthy upstream")).Code)
	require.Equal(t, llm.RateLimit, Classify(429, nil, []byte("slow")).Code)
	for _, text := range []string{"", "Upstreams are rivers.", "The timeout of a request is a number.", "I can help with no healthy upstream."} {
		require.Equal(t, llm.BadResponse, OfText([]byte(text)), text)
	}
}

// Failures in XML are known by their code, or by the name of the whole.
func TestFailuresInXML(t *testing.T) {
	for body, want := range map[string]llm.Code{
		"<Error><Code>SlowDown</Code><Message>m</Message></Error>":                                 llm.RateLimit,
		"\x00<?xml version='1.0'?><!-- a --><SlowDown xmlns='x'>\n<Message>m</Message></SlowDown>": llm.RateLimit,
		"<ns:ExpiredToken/><Code> ExpiredToken </Code><message>m":                                  llm.Authentication,
		"<ExpiredToken/>": llm.Authentication,
		"<OddException><Message>m</Message></OddException>":                                               llm.Unavailable,
		"<Error><code>429</code><message>m</message></Error>":                                             llm.RateLimit,
		"<Envelope><Body><Fault><Code>QuotaExceeded</Code><Message>m</Message></Fault></Body></Envelope>": llm.Quota,
	} {
		e := Of([]byte(body))
		require.NotNil(t, e, body)
		require.Equal(t, want, e.Code, body)
	}
	for _, body := range []string{"<html><code>SlowDown</code></html>", "<!doctype html><HTML><Code>SlowDown</Code>", "<a><code>0</code></a>", "<", "<!", "<?", "<Error", "<Error>", "<codec>x</codec>"} {
		require.Nil(t, Of([]byte(body)), body)
	}
}

// What one vendor means by a number or by words, others say of something else.
func TestWordsOfOneVendorAreNotOthers(t *testing.T) {
	for body, want := range map[string][2]any{
		`{"error":{"message":"max_tokens must be at most what the model writes (1024)","type":"invalid_request_error","code":null}}`: {400, llm.BadRequest},
		`{"object":"error","message":"more texts than the maximum (1000)","type":"BadRequestError","code":400}`:                      {400, llm.BadRequest},
		`{"error":{"message":"the prompt is larger than the context window (1002)","type":"invalid_request_error"}}`:                 {400, llm.ContextLength},
		`{"error":{"message":"input new_sensitive (1026)","type":"invalid_request_error"}}`:                                          {422, llm.ContentFilter},
		`{"error":{"message":"You have exceeded your usage limits for this month. Add credits.","code":402}}`:                        {402, llm.Quota},
		`{"error":{"message":"You have exceeded your usage limits. Upgrade your plan."}}`:                                            {403, llm.Quota},
		`{"error":{"message":"Your usage quota for requests resets in 3 seconds"}}`:                                                  {429, llm.RateLimit},
		`{"error":{"message":"The quota is not enough GPUs to start the model"}}`:                                                    {500, llm.Unavailable},
		`{"error":{"message":"Tools are for this model disabled"}}`:                                                                  {400, llm.BadRequest},
		`{"error":{"message":"frequency_penalty 用于惩罚频繁出现的词，应在 -2 到 2 之间"}}`:                                                          {400, llm.BadRequest},
		`{"error":{"message":"请求过于频繁，请稍后再试"}}`:                                                                                       {400, llm.RateLimit},
	} {
		require.Equal(t, want[1], Classify(want[0].(int), nil, []byte(body)).Code, body)
	}
}

// Behind a 500 a failure is one of an unknown model where the model itself is
// what is missing, and nothing of it.
func TestMissingModels(t *testing.T) {
	for text, is := range map[string]bool{
		"[address=0.0.0.0:42763, pid=1] Model not found in the model list, uid: qwen2": true,
		"The model `gpt-4-x` does not exist":                                           true, "model 'llama 3' not found, try pulling it first": true, "model=my-model not found": true,
		"InvalidRequest: the requested model named acme/model-7b was not found.": true, "no such model": true, "Unknown model: llama9": true,
		"Could not find model 'x'. See the list.": true, "(model x-1 not found)": true, "模型不存在，请检查": true, "error: model id x_1 does not exist": true,
		"tokenizer of model x-1 not found": false, "the model file x-1.gguf was not found": false, "unknown model architecture: 'x-1'": false,
		"model.safetensors not found": false, "could not find model weights": false, "no models found": false, "models not found": false,
		"adapter a-1 does not exist for the model x-1": false, "model runner does not exist": false, "no such model file: x-1": false,
		"the session does not exist": false, "model": false, "not found": false, "": false,
	} {
		require.Equal(t, is, lacksModel(strings.ToLower(text)) || strings.Contains(text, noModelZH), text)
		if is {
			body := []byte(`{"error":{"message":"` + text + `","type":"server_error"}}`)
			require.Equal(t, llm.ModelNotFound, Classify(500, nil, body).Code, text)
			require.Equal(t, llm.ModelNotFound, Classify(502, nil, body).Code, text)
			require.Equal(t, llm.Unavailable, Classify(502, nil, []byte("502 "+text)).Code, "a gateway's own page: %s", text)
			require.Equal(t, llm.Unavailable, Classify(503, nil, body).Code, "it may be there later: %s", text)
		}
	}
}
