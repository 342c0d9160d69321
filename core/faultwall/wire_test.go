package faultwall_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

func TestStatusesHaveTheVendorsErrorBodies(t *testing.T) {
	w := start(t, `{}`)
	h := client(t, w)
	for _, status := range []int{400, 401, 402, 403, 404, 408, 409, 422, 429, 500, 503, 529} {
		w.Script("m", faultwall.Step{Status: status})
		for _, url := range []string{w.BaseURL() + "/chat/completions", w.GeminiURL() + "/models/m:generateContent"} {
			r, err := post(t, h, url, streaming)
			require.NoError(t, err)
			require.Equal(t, status, r.status)
			require.Equal(t, "application/json", r.header.Get("Content-Type"))
			var body struct {
				Error struct {
					Message string
					Code    any
				}
			}
			require.NoError(t, json.Unmarshal([]byte(r.body), &body), r.body)
			require.NotEmpty(t, body.Error.Message)
			require.NotContains(t, body.Error.Message, "%!")
			if status == 429 && strings.Contains(url, "chat") {
				require.Equal(t, "rate_limit_exceeded", body.Error.Code)
			}
		}
	}
	require.Equal(t, 1, w.Seen().Totals.ConnectionsOpened, "errors keep the connection")
}

func TestHeaders(t *testing.T) {
	w := start(t, script(`{"status":429,"headers":{"Retry-After":"{{date+2}}","content-type":null,"X-List":["a","b"],"X-Here":"{{url}}/x",
		"X-Request-Id":"mine","X-Odd":"{{date+x}}","X-Line":"a\r\nb"},"header_bytes":20000},{"headers":{"Retry-After":"{{date}}"}}`))
	h := client(t, w)
	before := time.Now()
	r := ask(t, w, h, "m", false)
	when, err := http.ParseTime(r.header.Get("Retry-After"))
	require.NoError(t, err)
	require.False(t, when.Before(before.Add(2*time.Second)))
	require.False(t, when.After(time.Now().Add(3*time.Second)))
	require.Empty(t, r.header.Values("Content-Type"))
	require.Equal(t, []string{"a", "b"}, r.header.Values("X-List"))
	require.Equal(t, w.URL()+"/x", r.header.Get("X-Here"))
	require.Equal(t, []string{"mine"}, r.header.Values("X-Request-Id"))
	require.Equal(t, "{{date+x}}", r.header.Get("X-Odd"))
	require.Equal(t, "a  b", r.header.Get("X-Line"))
	filler := 0
	for name, values := range r.header {
		if strings.HasPrefix(name, "X-Filler") {
			filler += len(name) + len(values[0]) + 4
		}
	}
	require.Equal(t, 20000, filler)
	r = ask(t, w, h, "m", false)
	_, err = http.ParseTime(r.header.Get("Retry-After"))
	require.NoError(t, err)
	require.Equal(t, "req-wall-2", r.header.Get("X-Request-Id"))
}

func TestBodies(t *testing.T) {
	w := start(t, script(`{"body":""},{"body":{"b":1, "a":[ 1.0]}},{"body":"<html>","headers":{"Content-Type":"text/html"},"status":502},
		{"body_b64":"/wA="},{"body":null},{"status":204},{"status":304}`))
	h := client(t, w)
	for _, want := range []string{"", `{"b":1, "a":[ 1.0]}`, "<html>", "\xff\x00", "null", "", ""} {
		r := ask(t, w, h, "m", true)
		require.NoError(t, r.err)
		require.Equal(t, want, r.body)
	}
	require.Equal(t, 1, w.Seen().Totals.ConnectionsOpened)
}

func TestContentLengthThatLies(t *testing.T) {
	w := start(t, script(`{"content_length":100000},{"content_length":10,"keep_alive":false}`))
	h := client(t, w)
	r := ask(t, w, h, "m", false)
	require.ErrorIs(t, r.err, io.ErrUnexpectedEOF)
	require.Equal(t, "100000", r.header.Get("Content-Length"))
	require.Contains(t, r.body, "Hello from m.")
	r = ask(t, w, h, "m", false)
	require.NoError(t, r.err)
	require.Len(t, r.body, 10)
}

func TestFramings(t *testing.T) {
	for framing, want := range map[string]string{
		"length": "Content-Length: ", "chunked": "Transfer-Encoding: chunked", "close": "Connection: close",
	} {
		w := start(t, script(fmt.Sprintf(`{"framing":%q}`, framing)))
		for _, body := range []string{plain, streaming} {
			r, err := post(t, client(t, w), w.BaseURL()+"/chat/completions", body)
			require.NoError(t, err)
			require.NoError(t, r.err)
			require.Contains(t, r.body, "m")
		}
		w.Script("m", faultwall.Step{Framing: framing, KeepAlive: faultwall.Set(false)})
		text, err := talk(t, w, plain)
		require.NoError(t, err)
		require.Contains(t, text, want)
		require.Contains(t, text, "Connection: close\r\n")
	}
}

func TestHTTP10ClientsGetNoChunks(t *testing.T) {
	w := start(t, `{}`)
	text := exchange(t, w, "POST /v1/chat/completions HTTP/1.0\r\nContent-Length: "+fmt.Sprint(len(streaming))+"\r\n\r\n"+streaming)
	require.NotContains(t, text, "chunked")
	require.True(t, strings.HasSuffix(text, "data: [DONE]\n\n"))
}

func TestExpect100Continue(t *testing.T) {
	w := start(t, script(`{"keep_alive":false}`))
	text := exchange(t, w, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "+fmt.Sprint(len(plain))+"\r\n\r\n"+plain)
	require.True(t, strings.HasPrefix(text, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), text)
}

func TestDrippingHeadersComeByteByByte(t *testing.T) {
	w := start(t, script(`{"drip_headers_s":0.001,"headers":{"Date":null,"Server":null}}`))
	begun := time.Now()
	r := ask(t, w, client(t, w), "m", false)
	require.NoError(t, r.err)
	require.Greater(t, time.Since(begun), 80*time.Millisecond)
	require.Contains(t, r.body, "Hello")
}

func TestDrippingBodySplitsCharacters(t *testing.T) {
	w := start(t, script(`{"text":"Grüße 世界 🙂","drip_body_s":0.0002,"keep_alive":false}`))
	text, err := talk(t, w, streaming)
	require.NoError(t, err)
	require.Contains(t, text, "\r\n1\r\n\xc3\r\n1\r\n\xbc\r\n", "each byte is a chunk of its own")
}

func TestSplitBytes(t *testing.T) {
	w := start(t, script(`{"text":"Grüße 世界 🙂","split_bytes":7,"keep_alive":false}`))
	text, err := talk(t, w, streaming)
	require.NoError(t, err)
	body := text[strings.Index(text, "\r\n\r\n")+4:]
	require.True(t, strings.HasPrefix(body, "7\r\n"))
	r, err := post(t, client(t, w), w.BaseURL()+"/chat/completions", streaming)
	require.NoError(t, err)
	require.Equal(t, "Grüße 世界 🙂", contentOf(t, r.body))
}

func TestGzip(t *testing.T) {
	w := start(t, script(`{"gzip":true}`))
	h := client(t, w)
	for _, stream := range []bool{false, true} {
		r := ask(t, w, h, "m", stream)
		require.NoError(t, r.err)
		require.Equal(t, "gzip", r.header.Get("Content-Encoding"))
		unzip, err := gzip.NewReader(strings.NewReader(r.body))
		require.NoError(t, err)
		text, err := io.ReadAll(unzip)
		require.NoError(t, err)
		require.Contains(t, string(text), "Hello")
	}
	w.Script("m", faultwall.Step{Gzip: true, Cut: &faultwall.Cut{How: faultwall.CutClean, AfterEvents: faultwall.Set(2)}})
	r := ask(t, w, h, "m", true)
	unzip, err := gzip.NewReader(strings.NewReader(r.body))
	require.NoError(t, err)
	text, err := io.ReadAll(unzip)
	require.NoError(t, err, "a clean cut is whole for gzip too")
	require.Equal(t, 2, bytes.Count(text, []byte("data: ")))
	w.Script("m", faultwall.Step{Gzip: true, Cut: &faultwall.Cut{How: faultwall.CutClose, AfterBytes: faultwall.Set[int64](30)}})
	r = ask(t, w, h, "m", false)
	require.ErrorIs(t, r.err, io.ErrUnexpectedEOF)
	require.Len(t, r.body, 30)
}

func TestRedirect(t *testing.T) {
	w := start(t, script(`{"redirect":"{{url}}/elsewhere"},{"redirect":"http://other.invalid/","status":302}`))
	h := client(t, w)
	r := ask(t, w, h, "m", false)
	require.Equal(t, 307, r.status)
	require.Equal(t, w.URL()+"/elsewhere", r.header.Get("Location"))
	require.Equal(t, 302, ask(t, w, h, "m", false).status)
	r, err := post(t, h, w.URL()+"/elsewhere", "{}")
	require.NoError(t, err)
	require.Equal(t, 404, r.status)
	require.Equal(t, faultwall.KindOther, w.Seen().Requests[2].Kind)
}

// A base URL without OpenAI's /v1 is noticed here, too.
func TestPathsOfOpenAIAtTheRoot(t *testing.T) {
	w := start(t, `{}`)
	for _, path := range []string{"/chat/completions", "/responses", "/embeddings", "/models"} {
		r, err := post(t, client(t, w), w.URL()+path, plain)
		require.NoError(t, err)
		require.Equal(t, 404, r.status, path)
		require.Contains(t, r.body, `"Invalid URL (POST `+path+`)"`)
	}
	require.Empty(t, w.Seen().Models)
}

func TestKeys(t *testing.T) {
	w := start(t, `{"require_key":"good","models":{"own":{"require_key":"own"}}}`)
	try := func(path, name, value string) reply {
		r, err := http.NewRequest(http.MethodPost, w.URL()+path, strings.NewReader(`{"model":"own"}`))
		require.NoError(t, err)
		r.Header.Set(name, value)
		response, err := client(t, w).Do(r)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return reply{status: response.StatusCode, body: string(text)}
	}
	require.Equal(t, 200, try("/v1/chat/completions", "Authorization", "Bearer own").status)
	bad := try("/v1/chat/completions", "Authorization", "Bearer good")
	require.Equal(t, 401, bad.status)
	require.Contains(t, bad.body, "invalid_api_key")
	require.Equal(t, 200, try("/v1beta/models/g:generateContent", "X-Goog-Api-Key", "good").status)
	require.Equal(t, 200, try("/v1beta/models/g:generateContent?key=good", "X", "").status)
	require.Equal(t, 200, try("/v1/chat/completions", "Api-Key", "own").status)
	bad = try("/v1beta/models/g:generateContent", "X-Goog-Api-Key", "bad")
	require.Equal(t, 400, bad.status)
	require.Contains(t, bad.body, "API_KEY_INVALID")
}

func TestHealth(t *testing.T) {
	w := start(t, `{"models":{"a":{},"b":{}},"health":{"steps":[{},{"status":503},{"cut":{"how":"reset","at":"before_headers"}}],"after":"ok"}}`)
	get := func(url string) (int, string) {
		response, err := client(t, w).Get(url) // on a used connection net/http would try again
		if err != nil {
			return 0, ""
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(text)
	}
	status, body := get(w.BaseURL() + "/models")
	require.Equal(t, 200, status)
	require.Contains(t, body, `"id":"a"`)
	status, _ = get(w.BaseURL() + "/models")
	require.Equal(t, 503, status)
	status, _ = get(w.BaseURL() + "/models")
	require.Equal(t, 0, status)
	status, body = get(w.GeminiURL() + "/models")
	require.Equal(t, 200, status)
	require.Contains(t, body, `"name":"models/b"`)
	status, _ = get(w.BaseURL() + "/chat/completions")
	require.Equal(t, 405, status)
	require.NoError(t, w.SetHealth(faultwall.Plan{Steps: []faultwall.Step{{Status: 404}}}))
	status, _ = get(w.BaseURL() + "/models")
	require.Equal(t, 404, status)
	require.Equal(t, 5, w.Seen().Totals.Health)
	require.Empty(t, w.Seen().Models)
}

func TestStaleKeptAliveConnection(t *testing.T) {
	w := start(t, script(`{"close_next":true},{"text":"second"}`))
	h := client(t, w)
	require.Equal(t, 200, ask(t, w, h, "m", false).status)
	_, err := post(t, h, w.BaseURL()+"/chat/completions", plain)
	require.ErrorIs(t, err, io.EOF)
	require.Contains(t, ask(t, w, h, "m", false).body, "second")
	seen := w.Seen()
	require.Equal(t, 2, seen.Models["m"].Requests)
	require.Equal(t, 1, seen.Models["m"].Stale)
	require.Equal(t, 1, seen.Totals.Stale)
	require.True(t, seen.Requests[1].Stale)
	require.True(t, seen.Requests[1].Reused)
	require.Equal(t, -1, seen.Requests[1].Step)
	require.Equal(t, 2, seen.Totals.ConnectionsOpened)
}

func TestIdleConnectionsCanEnd(t *testing.T) {
	w := start(t, script(`{"close_idle_s":0.01}`))
	h := client(t, w)
	ask(t, w, h, "m", false)
	await(t, w, func(s faultwall.Seen) bool { return s.Totals.ConnectionsOpen == 0 })
	require.False(t, w.Seen().Requests[0].Disconnected)
}
