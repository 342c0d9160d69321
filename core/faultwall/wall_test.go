package faultwall_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

// start starts a wall for a test from a script in JSON.
func start(t *testing.T, script string) *faultwall.Wall {
	t.Helper()
	parsed, err := faultwall.ParseScript([]byte(script))
	require.NoError(t, err)
	w, err := faultwall.Start(parsed, faultwall.Options{})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w
}

// client returns an HTTP client that trusts the wall and has connections of its
// own.
func client(t *testing.T, w *faultwall.Wall) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true, ForceAttemptHTTP2: true}
	if pem := w.CACertPEM(); pem != nil {
		pool := x509.NewCertPool()
		require.True(t, pool.AppendCertsFromPEM(pem))
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// reply is an answer as far as the client got it.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // of the body
}

// post sends a request body to a path of the wall and reads the whole answer.
func post(t *testing.T, c *http.Client, url, body string) (reply, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	response, err := c.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return reply{status: response.StatusCode, header: response.Header, body: string(text), err: err}, nil
}

// ask posts a chat request for a model that must be answered with headers.
func ask(t *testing.T, w *faultwall.Wall, c *http.Client, model string, stream bool) reply {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"model": model, "stream": stream, "messages": []any{map[string]any{"role": "user", "content": "hi"}},
	})
	require.NoError(t, err)
	r, err := post(t, c, w.BaseURL()+"/chat/completions", string(text))
	require.NoError(t, err)
	return r
}

// await waits until the wall saw something, at most ten seconds.
func await(t *testing.T, w *faultwall.Wall, condition func(faultwall.Seen) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, w.Wait(ctx, condition), "seen: %s", w.SeenJSON())
}

func TestHealthyAnswerKeepsTheConnection(t *testing.T) {
	w := start(t, `{}`)
	c := client(t, w)
	for range 3 {
		r := ask(t, w, c, "gpt-a", false)
		require.NoError(t, r.err)
		require.Equal(t, 200, r.status)
		require.Contains(t, r.body, `"content":"Hello from gpt-a."`)
	}
	r := ask(t, w, c, "gpt-a", true)
	require.NoError(t, r.err)
	require.Contains(t, r.body, "data: [DONE]\n\n")
	seen := w.Seen()
	require.Len(t, seen.Requests, 4)
	require.Equal(t, 1, seen.Totals.ConnectionsOpened)
	require.False(t, seen.Requests[0].Reused)
	require.True(t, seen.Requests[3].Reused)
	require.True(t, seen.Requests[3].Stream)
	require.Equal(t, 0, seen.Models["gpt-a"].InFlight)
	require.Equal(t, 4, seen.Models["gpt-a"].Requests)
	for _, request := range seen.Requests {
		require.False(t, request.Disconnected)
		require.NotZero(t, request.End)
	}
}
