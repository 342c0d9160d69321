package failure

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// fuzzKey is the route's key: KEY in a seed stands for it, K\EY for what a
// server that escapes slashes and pluses makes of it in JSON.
const fuzzKey = "sk-Fuzz/Secret+Key"

var plantKey = strings.NewReplacer("KEY", fuzzKey, `K\EY`, `sk-Fuzz\/Secret\u002BKey`)

// upstreamCodes are the codes of the error table that an answer can have.
var upstreamCodes = []llm.Code{llm.ModelNotFound, llm.Authentication, llm.Quota, llm.RateLimit, llm.BadRequest, llm.ContextLength,
	llm.ContentFilter, llm.Unavailable, llm.BadResponse}

// Whatever a server answers with, it is an error of the table that people can
// read, that is no longer than a message may be, and that tells no key.
func FuzzClassify(f *testing.F) {
	for _, seed := range []struct {
		status                int
		body, wait, id, where string
	}{
		{401, `{"error":{"message":"Incorrect API key provided: KEY","type":"invalid_request_error","code":"invalid_api_key"}}`, "", "req-KEY", ""},
		{429, `{"error":{"message":"quota","code":"insufficient_quota"}}`, "7", "r", ""},
		{429, `[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"x.RetryInfo","retryDelay":"31s"}]}}]`, "", "", ""},
		{500, `<html><head><title>KEY</title><style>x</style></head><body>a &lt;b&gt; &amp; KEY</body></html>`, "soon", "", ""},
		{400, `{"detail":[{"msg":"K\EY is not allowed","type":"KEY"}]}`, "-1", "\xff\xfe", ""},
		{307, `moved`, "", "", "http://user:KEY@elsewhere.example/path?KEY"},
		{302, ``, "", "", "https://" + strings.Repeat("long.", 300) + "example/"},
		{0, `{"error":"overloaded"}`, "", "", ""},
		{200, `{"error":{"message":null,"code":503}}`, "", "", ""},
		{404, strings.Repeat("日本", 400) + "KEY", "Fri, 14 Mar 2025 15:09:36 GMT", "", ""},
		{502, strings.Repeat("x", MaxMessage-9) + "KEY and more", "1e9", "", ""},
		{403, "\xef\xbb\xbf\"\\ud800 K\\EY\"", "", "", ""},
		{422, `{"title":"t","type":"` + strings.Repeat("t", 5000) + `","status":422,"code":` + strings.Repeat("9", 5000) + `}`, "", "", ""},
	} {
		f.Add(seed.status, []byte(seed.body), seed.wait, seed.id, seed.where)
	}
	secrets := []string{fuzzKey}
	f.Fuzz(func(t *testing.T, status int, body []byte, wait, id, where string) {
		status = max(status%1000, 0)
		h := http.Header{"Retry-After": {wait}, "X-Request-Id": {plantKey.Replace(id)}, "Location": {plantKey.Replace(where)}}
		e := Mask(Classify(status, h, []byte(plantKey.Replace(string(body)))), secrets)

		require.Contains(t, upstreamCodes, e.Code)
		require.NotEmpty(t, e.Message)
		const most = MaxMessage + len("…")
		require.LessOrEqual(t, len(e.ProviderMessage), most)
		require.LessOrEqual(t, len(e.Message), len("HTTP 500: ")+most)
		for _, text := range []string{e.Type, e.ProviderCode, e.RequestID} {
			require.LessOrEqual(t, len(text), most)
		}
		require.LessOrEqual(t, len(e.Body), maxBody+len("…"))
		require.GreaterOrEqual(t, e.RetryAfter, time.Duration(0))
		require.True(t, e.HasRetryAfter || e.RetryAfter == 0)

		written, err := e.MarshalJSON()
		require.NoError(t, err)
		require.True(t, json.Valid(written), "%s", written)
		for _, text := range []string{e.Error(), e.Message, e.ProviderMessage, e.Type, e.ProviderCode, e.RequestID, e.Body, string(written)} {
			require.True(t, utf8.ValidString(text), "%q", text)
			require.NotContains(t, text, fuzzKey)
			require.NotContains(t, text, `sk-Fuzz\/Secret\u002BKey`)
			head, cut := strings.CutSuffix(text, "…")
			for n := 4; cut && n < len(fuzzKey); n++ {
				require.False(t, strings.HasSuffix(head, fuzzKey[:n]), "%q ends in the middle of the key", text)
			}
		}
	})
}

// A wait that a server names is never negative and blocks its route for ten
// minutes at most; garbage names none (R4).
func FuzzNamedWait(f *testing.F) {
	for _, seed := range []string{"", "0", "7", " 1.5 ", "-5", "NaN", "+Inf", "0x10", "1e3", "1_000", ".", "1.", "..", "9999999999",
		strings.Repeat("9", 400), "Fri, 14 Mar 2025 15:09:36 GMT", "Friday, 14-Mar-25 15:09:36 GMT", "Fri Mar 14 15:09:36 2025",
		"Fri, 14 Mar 9999 15:09:36 GMT", "Fri, 14 Mar 0000 15:09:36 GMT", "2025-03-14T15:09:36Z", "7s", "٣"} {
		f.Add(seed, "")
		f.Add("9", seed)
	}
	now := time.Date(2025, 3, 14, 15, 9, 26, 0, time.UTC)
	f.Fuzz(func(t *testing.T, after, ms string) {
		h := http.Header{"Retry-After": {after}, "Retry-After-Ms": {ms}}
		wait, named := namedWait(h.Get, now)
		require.GreaterOrEqual(t, wait, time.Duration(0))
		require.LessOrEqual(t, wait, longestWait)
		if !named {
			require.Zero(t, wait)
		}
		_, notDate := http.ParseTime(strings.TrimSpace(after))
		if !strings.ContainsAny(after+ms, "0123456789") {
			require.False(t, named, "%q %q", after, ms)
		}
		if _, ok := positive(ms, time.Millisecond); !ok && notDate != nil && strings.Trim(strings.TrimSpace(after), "0123456789.") != "" {
			require.False(t, named, "%q is garbage", after)
		}
		if named {
			b := breaker.New(breaker.Settings{}, nil)
			b.BlockUntil(time.Now().Add(wait))
			require.LessOrEqual(t, time.Until(b.Snapshot().BlockedUntil), breaker.MaxRetryAfter)
		}
	})
}
