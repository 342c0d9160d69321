package faultwall_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

// TestDisconnectsAreSeenAtOnce: in each phase of an answer, the client's
// leaving is noticed without the wall having to send anything.
func TestDisconnectsAreSeenAtOnce(t *testing.T) {
	for name, step := range map[string]string{
		"silent before headers": `{"cut":{"how":"silence","at":"before_headers"}}`,
		"silent after headers":  `{"cut":{"how":"silence"}}`,
		"silent after events":   `{"cut":{"how":"silence","after_events":2}}`,
		"delayed headers":       `{"delay_headers_s":60}`,
		"delayed body":          `{"delay_body_s":60}`,
		"delayed event":         `{"delay_event_s":60}`,
		"dripping headers":      `{"drip_headers_s":60}`,
		"dripping body":         `{"drip_body_s":60}`,
		"held":                  `{"hold":"gate"}`,
		"held event":            `{"events":[{"text":"x"},{"hold":"gate"}]}`,
		"for ever":              `{"forever":true,"delay_event_s":0.001}`,
		"for ever, at once":     `{"forever":true}`,
		"comments":              `{"delay_body_s":60,"comment_every_s":0.001}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, script(step))
			conn, err := net.Dial("tcp", w.Addr())
			require.NoError(t, err)
			request, err := http.NewRequest(http.MethodPost, w.BaseURL()+"/chat/completions", strings.NewReader(streaming))
			require.NoError(t, err)
			require.NoError(t, request.Write(conn))
			await(t, w, func(s faultwall.Seen) bool {
				return len(s.Requests) == 1 && (s.Requests[0].Status == 200 || s.Requests[0].Cut != "" || strings.Contains(step, "headers") || name == "held")
			})
			require.Equal(t, 1, w.Seen().Models["m"].InFlight)
			before := w.Seen().UptimeS
			require.NoError(t, conn.Close())
			await(t, w, func(s faultwall.Seen) bool { return s.Requests[0].Disconnected })
			seen := w.Seen()
			r := seen.Requests[0]
			require.GreaterOrEqual(t, r.DisconnectedAt, before)
			require.Less(t, r.DisconnectedAt-before, 1.0)
			require.Equal(t, r.DisconnectedAt, r.End)
			require.Zero(t, seen.Models["m"].InFlight)
			require.Equal(t, 1, seen.Models["m"].Disconnects)
			require.Equal(t, 1, seen.Totals.Disconnects)
			await(t, w, func(s faultwall.Seen) bool { return s.Totals.ConnectionsOpen == 0 })
		})
	}
}

func TestSimultaneousRequestsAreCounted(t *testing.T) {
	w := start(t, script(`{"hold":"gate"}`))
	h := client(t, w)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() { ask(t, w, h, "m", false) })
	}
	await(t, w, func(s faultwall.Seen) bool { return s.Models["m"].InFlight == 5 })
	require.Equal(t, 200, ask(t, w, h, "other", false).status)
	w.Release("gate")
	all.Wait()
	seen := w.Seen()
	require.Equal(t, 5, seen.Models["m"].MaxSimultaneous)
	require.Equal(t, 1, seen.Models["other"].MaxSimultaneous)
	require.Equal(t, 6, seen.Totals.MaxSimultaneous)
	require.Zero(t, seen.Totals.InFlight)
	for i, r := range seen.Of("m") {
		require.Equal(t, i+1, r.Simultaneous)
	}
	require.Equal(t, 200, ask(t, w, h, "m", false).status, "released for good")
}

// TestALimitedClientIsNeverBlamed: a client that sends its next request as soon
// as it knows the answer never counts twice, whatever the framing.
func TestALimitedClientIsNeverBlamed(t *testing.T) {
	for _, step := range []string{`{}`, `{"framing":"chunked"}`, `{"framing":"close"}`, `{"status":500}`, `{"redirect":"/x"}`, `{"status":204}`} {
		w := start(t, script(step))
		h := client(t, w)
		for i := range 60 {
			ask(t, w, h, "m", i%2 == 0)
		}
		require.Equal(t, 1, w.Seen().Models["m"].MaxSimultaneous, step)
	}
	w := start(t, `{}`)
	for range 60 {
		// Gone at the finish reason, before [DONE].
		response, err := client(t, w).Post(w.BaseURL()+"/chat/completions", "", strings.NewReader(streaming))
		require.NoError(t, err)
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() && !strings.Contains(lines.Text(), `"finish_reason":"stop"`) {
			continue
		}
		_ = response.Body.Close()
	}
	require.Equal(t, 1, w.Seen().Models["m"].MaxSimultaneous)
}

func TestWhatARequestShows(t *testing.T) {
	w := start(t, script(`{"delay_headers_s":0.02,"delay_body_s":0.02,"delay_event_s":0.01}`))
	r, err := http.NewRequest(http.MethodPost, w.URL()+"/deep/v1/chat/completions?a=b", strings.NewReader(streaming))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer secret")
	r.Header.Add("X-Two", "1")
	r.Header.Add("X-Two", "2")
	response, err := client(t, w).Do(r)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	var seen faultwall.Seen
	require.NoError(t, json.Unmarshal(w.SeenJSON(), &seen))
	got := seen.Requests[0]
	require.Equal(t, "/deep/v1/chat/completions", got.Path)
	require.Equal(t, "a=b", got.Query)
	require.Equal(t, "Bearer secret", got.Headers["authorization"])
	require.Equal(t, "1, 2", got.Headers["x-two"])
	require.Equal(t, w.Addr(), got.Host)
	require.JSONEq(t, streaming, string(got.Body))
	require.Equal(t, len(streaming), got.BodyBytes)
	require.GreaterOrEqual(t, got.FirstByteAt, got.Start+0.02)
	require.GreaterOrEqual(t, got.FirstBodyAt, got.FirstByteAt+0.02)
	require.GreaterOrEqual(t, got.End, got.FirstBodyAt+0.04)
	require.Equal(t, 6, got.Events)
	require.Positive(t, got.Bytes)
}

func TestBodiesAreCapped(t *testing.T) {
	w, err := faultwall.Start(faultwall.Script{}, faultwall.Options{MaxBodyBytes: 20, MaxRequests: 4})
	require.NoError(t, err)
	defer w.Close()
	h := client(t, w)
	for range 20 {
		ask(t, w, h, "m", false)
	}
	r, err := post(t, h, w.BaseURL()+"/chat/completions", "{no json")
	require.NoError(t, err)
	require.Equal(t, 400, r.status)
	seen := w.Seen()
	require.LessOrEqual(t, len(seen.Requests), 5)
	require.Equal(t, 21, seen.Totals.Dropped+len(seen.Requests))
	last := seen.Requests[len(seen.Requests)-1]
	require.Equal(t, 21, last.Number)
	require.Equal(t, "{no json", last.BodyText)
	require.Len(t, seen.Requests[0].BodyText, 20)
	require.Nil(t, seen.Requests[0].Body)
}

func TestTenMegabytePrompt(t *testing.T) {
	w := start(t, `{}`)
	body := `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("x", 10<<20) + `"}]}`
	r, err := post(t, client(t, w), w.BaseURL()+"/chat/completions", body)
	require.NoError(t, err)
	require.Equal(t, 200, r.status)
	require.Equal(t, len(body), w.Seen().Requests[0].BodyBytes)
}

func TestWaitEndsWithItsContext(t *testing.T) {
	w := start(t, `{}`)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, w.Wait(ctx, func(faultwall.Seen) bool { return false }), context.DeadlineExceeded)
	require.NoError(t, w.Wait(ctx, func(faultwall.Seen) bool { return true }))
}

func TestMalformedRequestsAreCounted(t *testing.T) {
	w := start(t, `{}`)
	conn, err := net.Dial("tcp", w.Addr())
	require.NoError(t, err)
	_, err = conn.Write([]byte("no HTTP at all\r\n\r\n"))
	require.NoError(t, err)
	text, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(text), "400 Bad Request")
	require.NoError(t, conn.Close())
	require.Equal(t, 1, w.Seen().Totals.Malformed)
	require.Zero(t, w.Seen().Totals.Requests)
}

func TestPipelinedRequestsAreKept(t *testing.T) {
	w := start(t, script(`{"delay_headers_s":0.05,"times":2},{"keep_alive":false}`))
	conn, err := net.Dial("tcp", w.Addr())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	var three strings.Builder
	for range 3 {
		request, err := http.NewRequest(http.MethodPost, w.BaseURL()+"/chat/completions", strings.NewReader(plain))
		require.NoError(t, err)
		require.NoError(t, request.Write(&three))
	}
	_, err = conn.Write([]byte(three.String()))
	require.NoError(t, err)
	text, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(text), "HTTP/1.1 200 OK"))
	require.Equal(t, 1, strings.Count(string(text), "Connection: close"))
	require.Equal(t, 1, w.Seen().Models["m"].MaxSimultaneous)
}
