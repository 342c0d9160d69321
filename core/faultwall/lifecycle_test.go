package faultwall_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

func TestKillAndRevive(t *testing.T) {
	w := start(t, script(`{"hold":"gate"}`))
	h := client(t, w)
	var under sync.WaitGroup
	under.Go(func() {
		_, err := post(t, h, w.BaseURL()+"/chat/completions", plain)
		require.Error(t, err)
	})
	await(t, w, func(s faultwall.Seen) bool { return s.Totals.InFlight == 1 })
	url := w.URL()
	w.Kill()
	under.Wait()
	seen := w.Seen()
	require.Equal(t, "killed", seen.Requests[0].Cut)
	require.False(t, seen.Requests[0].Disconnected)
	require.Zero(t, seen.Totals.InFlight)
	require.Zero(t, seen.Totals.ConnectionsOpen)
	_, err := net.Dial("tcp", w.Addr())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	w.Kill() // again is harmless
	require.NoError(t, w.Revive())
	require.Equal(t, url, w.URL())
	w.Release("gate")
	require.Equal(t, 200, ask(t, w, h, "m", false).status)
	require.Error(t, w.Revive(), "it listens already")
	w.Close()
	require.Error(t, w.Revive(), "it is closed")
}

func TestAScriptCanBeDown(t *testing.T) {
	w := start(t, `{"down":true}`)
	_, err := net.Dial("tcp", w.Addr())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoError(t, w.SetScript(faultwall.Script{}))
	require.Equal(t, 200, ask(t, w, client(t, w), "m", false).status)
	require.NoError(t, w.SetScript(faultwall.Script{Down: true}))
	_, err = net.Dial("tcp", w.Addr())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestCloseEndsEverything(t *testing.T) {
	for _, step := range []string{
		`{"cut":{"how":"silence","at":"before_headers"}}`, `{"cut":{"how":"silence"}}`, `{"delay_headers_s":60}`, `{"hold":"x"}`,
		`{"forever":true}`, `{"drip_body_s":60}`, `{}`,
	} {
		for _, options := range []faultwall.Options{{}, {TLS: true}, {HTTP2: true}} {
			w, err := faultwall.Start(faultwall.MustScript(script(step)), options)
			require.NoError(t, err)
			h := client(t, w)
			var under sync.WaitGroup
			under.Go(func() { _, _ = post(t, h, w.BaseURL()+"/chat/completions", streaming) })
			await(t, w, func(s faultwall.Seen) bool { return s.Totals.Requests == 1 })
			w.Close()
			w.Close()
			under.Wait()
			seen := w.Seen()
			require.Zero(t, seen.Totals.ConnectionsOpen)
			require.Zero(t, seen.Totals.InFlight)
			require.False(t, seen.Requests[0].Disconnected, "%s %v", step, options)
			require.NotZero(t, seen.Requests[0].End)
		}
	}
}

func TestCloseEndsSilentConnectionsAndFloods(t *testing.T) {
	w := start(t, `{"accept":["silence","ok"]}`)
	for range 2 {
		conn, err := net.Dial("tcp", w.Addr())
		require.NoError(t, err)
		defer func() { _ = conn.Close() }()
	}
	await(t, w, func(s faultwall.Seen) bool { return s.Totals.ConnectionsOpen == 2 })
	// More than the wall reads ahead, while it is busy with the first of them.
	w.Script("m", faultwall.Step{Hold: "never"})
	conn, err := net.Dial("tcp", w.Addr())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	request := "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n{\"model\":\"m\"}"
	var flood sync.WaitGroup
	flood.Go(func() { _, _ = conn.Write([]byte(strings.Repeat(request, 100_000))) }) // ends when the wall closes
	await(t, w, func(s faultwall.Seen) bool { return s.Totals.Requests == 1 })
	w.Close()
	flood.Wait()
	require.Zero(t, w.Seen().Totals.ConnectionsOpen)
	require.Equal(t, "killed", w.Seen().Requests[0].Cut)
}

func TestTLS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	w, err := faultwall.Start(faultwall.Script{}, faultwall.Options{TLS: true, CAFile: file})
	require.NoError(t, err)
	defer w.Close()
	require.True(t, strings.HasPrefix(w.URL(), "https://127.0.0.1:"))
	require.Equal(t, 200, ask(t, w, client(t, w), "m", true).status)
	pem, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, w.CACertPEM(), pem)
	require.Equal(t, string(pem), w.Seen().CACert)
	_, err = http.Get(w.URL())
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
	await(t, w, func(s faultwall.Seen) bool { return s.Totals.TLSFailures == 1 })
	require.Equal(t, "HTTP/1.1", w.Seen().Requests[0].Proto)
	w.Close()
	require.NoFileExists(t, file)
}

func TestBadCertificates(t *testing.T) {
	for cert, want := range map[string]string{faultwall.CertExpired: "expired", faultwall.CertWrongHost: "doesn't contain any IP SANs"} {
		w, err := faultwall.Start(faultwall.MustScript(`{"options":{"cert":"`+cert+`"}}`), faultwall.Options{})
		require.NoError(t, err)
		defer w.Close()
		_, err = post(t, client(t, w), w.BaseURL()+"/chat/completions", plain)
		require.ErrorContains(t, err, want)
	}
}

func TestTLSFaults(t *testing.T) {
	w, err := faultwall.Start(faultwall.MustScript(script(`{"cut":{"how":"reset"}},{"cut":{"how":"close","after_bytes":9}},
		{"keep_alive":false},{"cut":{"how":"silence","after_events":1}}`)), faultwall.Options{TLS: true})
	require.NoError(t, err)
	defer w.Close()
	h := client(t, w)
	r := ask(t, w, h, "m", false)
	require.ErrorIs(t, r.err, syscall.ECONNRESET)
	r = ask(t, w, h, "m", false)
	require.ErrorIs(t, r.err, io.ErrUnexpectedEOF)
	require.NoError(t, ask(t, w, h, "m", false).err)
	conn, err := tls.Dial("tcp", w.Addr(), h.Transport.(*http.Transport).TLSClientConfig)
	require.NoError(t, err)
	request, err := http.NewRequest(http.MethodPost, w.BaseURL()+"/chat/completions", strings.NewReader(streaming))
	require.NoError(t, err)
	require.NoError(t, request.Write(conn))
	await(t, w, func(s faultwall.Seen) bool { return len(s.Requests) == 4 && s.Requests[3].Cut == "silence" })
	require.NoError(t, conn.Close())
	await(t, w, func(s faultwall.Seen) bool { return s.Requests[3].Disconnected })
}

func TestHTTP2(t *testing.T) {
	w, err := faultwall.Start(faultwall.MustScript(script(`{},{"status":429,"headers":{"Retry-After":"1","Date":null}},
		{"cut":{"how":"reset","at":"before_headers"}},{"cut":{"how":"reset","after_events":2}},{"cut":{"how":"clean","after_events":2}},
		{"raw":"x"},{"delay_headers_s":0.01,"keep_alive":false},{"cut":{"how":"mid_chunk","after_bytes":3}},
		{"cut":{"how":"silence"}}`)), faultwall.Options{HTTP2: true})
	require.NoError(t, err)
	defer w.Close()
	h := client(t, w)
	r := ask(t, w, h, "m", false)
	require.Contains(t, r.body, "Hello from m.")
	r = ask(t, w, h, "m", false)
	require.Equal(t, 429, r.status)
	require.Equal(t, "1", r.header.Get("Retry-After"))
	require.Empty(t, r.header.Get("Date"))
	_, err = post(t, h, w.BaseURL()+"/chat/completions", plain)
	require.Error(t, err)
	r = ask(t, w, h, "m", true)
	require.Error(t, r.err)
	require.Equal(t, 2, strings.Count(r.body, "data: "))
	r = ask(t, w, h, "m", true)
	require.NoError(t, r.err)
	require.Equal(t, 2, strings.Count(r.body, "data: "))
	r = ask(t, w, h, "m", true)
	require.Equal(t, 501, r.status)
	require.Contains(t, r.body, "no raw over HTTP/2.0")
	require.Equal(t, 1, w.Seen().Totals.ConnectionsOpened)
	require.Equal(t, 200, ask(t, w, h, "m", false).status)
	r = ask(t, w, h, "m", false)
	require.Error(t, r.err)
	require.Len(t, r.body, 3)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.BaseURL()+"/chat/completions", strings.NewReader(streaming))
	require.NoError(t, err)
	response, err := h.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	await(t, w, func(s faultwall.Seen) bool { return s.Requests[len(s.Requests)-1].Disconnected })
	seen := w.Seen()
	require.Equal(t, "HTTP/2.0", seen.Requests[0].Proto)
	require.Equal(t, 2, seen.Totals.ConnectionsOpened, "keep_alive false ends an HTTP/2 connection too")
	require.Equal(t, 1, seen.Totals.Disconnects)
}

func TestControlPaths(t *testing.T) {
	w := start(t, `{"options":{"control":true},"models":{"m":{"steps":[{"hold":"gate"}]}}}`)
	h := client(t, w)
	var under sync.WaitGroup
	under.Go(func() { require.Equal(t, 200, ask(t, w, h, "m", false).status) })
	await(t, w, func(s faultwall.Seen) bool { return s.Totals.InFlight == 1 })
	r, err := post(t, h, w.URL()+"/_wall/release?name=gate", "")
	require.NoError(t, err)
	require.Equal(t, 200, r.status)
	under.Wait()
	r, err = post(t, h, w.URL()+"/_wall/script", script(`{"status":503}`))
	require.NoError(t, err)
	require.Equal(t, 200, r.status)
	require.Equal(t, 503, ask(t, w, h, "m", false).status)
	for body, want := range map[string]string{`{"x":1}`: "unknown key", `{"down":true}`: "down"} {
		r, err = post(t, h, w.URL()+"/_wall/script", body)
		require.NoError(t, err)
		require.Equal(t, 400, r.status)
		require.Contains(t, r.body, want)
	}
	r, err = post(t, h, w.URL()+"/_wall/nothing", "")
	require.NoError(t, err)
	require.Equal(t, 404, r.status)
	response, err := h.Get(w.URL() + "/_wall/seen")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	var seen faultwall.Seen
	require.NoError(t, json.NewDecoder(response.Body).Decode(&seen))
	require.Equal(t, 2, seen.Totals.Requests)
	plainWall := start(t, `{}`)
	r, err = post(t, client(t, plainWall), plainWall.URL()+"/_wall/release?name=x", "")
	require.NoError(t, err)
	require.Equal(t, 404, r.status)
	require.Equal(t, 1, plainWall.Seen().Totals.Requests)
}
